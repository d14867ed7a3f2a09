"""``config.yaml`` and the other YAML that people write: what it means, and one line about what is wrong with it."""

from pathlib import Path

import pytest

from onereel.base.errors import ConfigError
from onereel.methods import read_method_file
from onereel.project.config import Config, read_config
from onereel.project.tables import read_spec

TEXT = "clips: a.tsv # of mine\nmetrics: [psnr]\nseed: 3\n"
MEANT = {**Config().model_dump(), "clips": "a.tsv", "metrics": ["psnr"], "seed": 3}


def written(folder: Path, content: str | bytes, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("mine", "mine\u2028ours"),
        TEXT + "heldout:\n",
        '{"clips": "a.tsv", "metrics": ["psnr"], "seed": 3}',
    ],
)
def test_the_configuration_is_read_however_it_was_saved(tmp_path, content):
    assert read_config([written(tmp_path, content)], {}) == MEANT


def test_later_files_and_the_command_line_win(tmp_path):
    first = written(tmp_path, TEXT)
    second = written(tmp_path, "seed: 4\nweights: real\n", "over.yaml")
    read = read_config([first, second], {"weights": "stand-in", "heldout": None})
    assert read == {**MEANT, "seed": 4, "weights": "stand-in"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("clips: x\nweihgts: real\n", "line 2: no such key 'weihgts'; did you mean 'weights'?"),
        ("Metrics: [psnr]", "line 1: no such key 'Metrics'; did you mean 'metrics'?"),
        ("xyzzy: 1", "line 1: no such key 'xyzzy'; choose one of clips, runs"),
        ("weights: stnd-in", "line 1: 'weights' is 'stnd-in'; did you mean 'stand-in'?"),
        ("clips: a.tsv\nmetrics: psnr", "line 2: 'metrics' is 'psnr'; write [psnr]"),
        ("metrics: [psnr, 1]", "line 1: 'metrics.1' is 1; it should be a valid string"),
        ("metrics:", "line 1: 'metrics' is empty; it should be a valid list"),
        ("metrics: []", "line 1: 'metrics' is an empty list"),
        ("clips:\n  a: b", "line 1: 'clips' is a mapping; it should be a valid string"),
        ("seed: '3'", "line 1: 'seed' is '3'; it should be a valid integer"),
        ("seed: true", "line 1: 'seed' is True; it should be a valid integer"),
        ("seed: -1", "line 1: 'seed' is -1; it should be greater than or equal to 0"),
        ("seed: 9223372036854775808", "it should be less than or equal to 9223372036854775807"),
        ("seed: 1,5", "line 1: 'seed' is '1,5'; write 1.5, with a point"),
        ("1: 2", "line 1: key 1 is no text"),
        ("seed: 1\nseed: 2", "line 2: is no YAML (key 'seed' stands twice); keep one of them"),
        ("seed: 1\n---\nseed: 2", "line 2: is no YAML"),
        ("metrics: [psnr\nseed: 1", "line 2: is no YAML"),
        ("clips: x # a\u2028b: c\nsede: 1", "line 2: no such key 'sede'; did you mean 'seed'?"),
        ("metrics:\n\t- psnr", "line 2: is no YAML (a tab where YAML allows spaces only); indent with spaces"),
        ("metrics: &a [*a]", "line 1: is no YAML"),
        ("seed: !!timestamp x", "is no YAML"),
        ("seed: 2020-13-45", "is no YAML (month must be in 1..12)"),
        ("seed: " + "[" * 5000, "is no YAML"),
        ("clips: x\nseed:\u00a01", "line 2: holds a no-break space"),
        ("seed: 1\n# caf\ufffd", "line 2: holds '\ufffd'"),
        ("seed: 1\0", "line 1: holds the control character U+0000"),
        ("- seed", "holds a list and no keys"),
        ("seed", "holds 'seed' and no keys"),
        ("# seed: 1\n", "is empty"),
        ("", "is empty"),
        (b"seed: 1\n# caf\xe9 noir\n", "line 2: is not UTF-8 text (in Windows-1252 there stands '# café noir')"),
        (b"PK\x03\x04", "is a spreadsheet"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_the_nearest_key(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ConfigError) as error:
        read_config([path], {})
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value)) < 120 + len(str(path)) + 80
    assert "\n" not in str(error.value)


def test_a_mistake_on_the_command_line_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"^--config: no such key 'weihgts'; did you mean 'weights'"):
        read_config([written(tmp_path, TEXT)], {"weihgts": "real"})
    with pytest.raises(ConfigError, match=r"^--config: 'seed' is 'x'"):
        read_config([written(tmp_path, TEXT)], {"seed": "x"})


def test_a_missing_file_has_its_nearest_neighbour_named(tmp_path):
    written(tmp_path, TEXT)
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file.*\); did you mean '.*config\.yaml'"):
        read_config([tmp_path / "confg.yaml"], {})
    with pytest.raises(ConfigError, match="Is a directory"):
        read_config([tmp_path], {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("preset: {}", "line 1: no such key 'preset'; did you mean 'presets'?"),
        ("presets: {a: {x: 1, x: 2}}", "key 'x' stands twice"),
        ("presets: [a]", "line 1: 'presets' is a list"),
        ("resources:\n  fit: {thread: 2}", "line 2: no such key 'resources.fit.thread'; did you mean 'threads'?"),
        ("resources: {fit: {gpu: one}}", "line 1: 'resources.fit.gpu' is 'one'; it should be a valid integer"),
        ("presets:\n\tdemo: {}", "indent with spaces"),
    ],
)
def test_a_methods_file_is_held_to_its_keys(tmp_path, content, message):
    written(tmp_path, content, "a.yaml")
    with pytest.raises(ConfigError) as error:
        read_method_file("a", tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title: a\ncolumns:\n  - metrc: psnr", "line 3: no such key 'columns.0.metrc'; did you mean 'metric'?"),
        (
            "title: a\ncolumns:\n  - metric: psnr\n    better: lowr",
            "line 4: 'columns.0.better' is 'lowr'; did you",
        ),
        ("title: a\ntitle: b\ncolumns: []", "line 2: is no YAML (key 'title' stands twice)"),
        ("title: a", "'columns' is missing; add it"),
    ],
)
def test_a_description_of_a_table_is_held_to_its_keys(tmp_path, content, message):
    with pytest.raises(ConfigError) as error:
        read_spec(written(tmp_path, content))
    assert message in str(error.value)
