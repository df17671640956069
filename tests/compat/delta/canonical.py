"""Rows of any reader in one canonical form, so that two readers can be compared."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa


def value(item: Any, kind: pa.DataType) -> Any:
    """One value as plain JSON: times in UTC, bytes as base64, decimals as text."""
    if item is None:
        return None
    if pa.types.is_map(kind):
        pairs = item.items() if isinstance(item, dict) else item
        return {str(key): value(inner, kind.item_type) for key, inner in pairs}
    if pa.types.is_struct(kind):
        return {field.name: value(item[field.name], field.type) for field in kind}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_list_view(kind):
        return [value(inner, kind.value_type) for inner in item]
    if isinstance(item, datetime):
        utc = item.astimezone(UTC) if item.tzinfo else item.replace(tzinfo=UTC)
        return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(item, date):
        return item.isoformat()
    if isinstance(item, Decimal):
        return str(item)
    if isinstance(item, bytes):
        return base64.b64encode(item).decode()
    if isinstance(item, float) and not math.isfinite(item):
        return "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
    return item


def rows(table: pa.Table) -> list[str]:
    """All rows as JSON with sorted keys, sorted."""
    lines = []
    for row in table.to_pylist():
        plain = {field.name: value(row[field.name], field.type) for field in table.schema}
        lines.append(json.dumps(plain, sort_keys=True, ensure_ascii=False))
    return sorted(lines)


def lines(text: str) -> list[str]:
    """JSON lines of make_tables in the same form."""
    parsed = (json.loads(line) for line in text.splitlines())
    return sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in parsed)
