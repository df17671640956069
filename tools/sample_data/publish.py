"""Folders that appear complete or not at all, and are made again only when their recipe changed."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RECIPE_FILE = "recipe.json"


def recipe_of(tool: Path, settings: Mapping[str, object]) -> dict[str, object]:
    """What determines an output: the settings, and the code of `tool` and of this package."""
    sources = [tool, *sorted(Path(__file__).parent.glob("*.py"))]
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources))
    return {"code": digest.hexdigest(), **settings}


def is_up_to_date(out: Path, recipe: Mapping[str, object]) -> bool:
    """True if `out` was published with this very recipe."""
    try:
        kept = (out / RECIPE_FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return kept == _recipe_text(recipe)


def _recipe_text(recipe: Mapping[str, object]) -> str:
    return json.dumps(recipe, indent=1) + "\n"


@contextmanager
def published(out: Path, recipe: Mapping[str, object]) -> Iterator[Path]:
    """Gives an empty folder that becomes `out`, replacing it, when the block ends well.

    An `out` that holds anything but an earlier result is left alone: FileExistsError.
    """
    if out.exists() and any(out.iterdir()) and not (out / RECIPE_FILE).exists():
        raise FileExistsError(f"not made by this tool, so not replaced: {out}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        work = Path(folder) / "new"
        work.mkdir()
        yield work
        (work / RECIPE_FILE).write_text(_recipe_text(recipe), "utf-8")
        if out.exists():
            out.rename(Path(folder) / "old")
        shutil.move(work, out)
