"""What every floor stands on, and nothing that could change a result: files, errors, records, names, settings.

| module | what |
| --- | --- |
| `errors`, `masking` | errors of one line; passwords in addresses |
| `files`, `outputs`, `locks`, `filenames` | atomic writes; what may be overwritten; one job in a folder; safe names |
| `tensorfiles`, `digests` | safetensors with checksums; what a file or folder holds |
| `readers`, `parsing`, `names`, `settings` | texts and YAML; sheets; names that people type; what all settings are |
| `provenance`, `run_record`, `joblog` | what made a result; which samples belong together; logs and failures of jobs |
| `codefiles`, `paths`, `caches` | which code a result depends on; where the configuration and caches lie |
| `devices`, `progress`, `stopping` | where things run, how far they are, how they end early |
"""
