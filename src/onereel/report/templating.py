"""The templates of the report: everything is escaped unless a template says otherwise."""

import json
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from onereel.report.tables.numerals import brief, duration, numeral


@cache
def environment() -> Environment:
    """The environment that knows the package's templates and its filters."""
    result = Environment(
        loader=PackageLoader("onereel.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.globals["numeral"] = numeral
    result.filters["brief"] = brief
    result.filters["duration"] = duration
    result.filters["pretty"] = lambda content: json.dumps(content, indent=2, ensure_ascii=False, default=str)
    result.filters["url"] = lambda path: quote(str(path))
    return result
