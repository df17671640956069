#!/usr/bin/env python3
"""Writes src/datalake/curate/taggers/code_languages.inc: languages by file extension, and how each
begins its comments, for the StarCoder taggers. The extensions are those of the Dolma toolkit; a
comment is what the pygments lexer of the language takes for Comment.Single or Comment.Multiline,
found by giving it one of each kind. Run it where both packages are installed:

    tools/make_code_languages.py src/datalake/curate/taggers/code_languages.inc
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pygments
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment
from pygments.util import ClassNotFound

# In the order of the bits of CommentKind in code_comments.h.
PROBES = ("// c", "# c", "/* c */", "-- c", "; c", "% c", "<!-- c -->", "' c")
WITH_NEWLINE = 1 << len(PROBES)
NO_LEXER = 1 << (len(PROBES) + 1)


def comments(lexer: object, text: str) -> list[str]:
    return [
        token
        for kind, token in pygments.lex(text, lexer)
        if kind is Comment.Single or kind is Comment.Multiline
    ]


def kinds_of(language: str) -> int:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return NO_LEXER
    kinds = 0
    for bit, probe in enumerate(PROBES):
        found = "".join(comments(lexer, f"x\n{probe}\nx\n"))
        if found.rstrip("\n") == probe:
            kinds |= 1 << bit
            if found.endswith("\n") and probe[-1] == "c":
                kinds |= WITH_NEWLINE
    return kinds


def main(path: Path) -> None:
    spec = find_spec("dolma")
    assert spec is not None and spec.origin is not None
    mapping = json.loads((Path(spec.origin).parent / "data/ext_to_lang_mapping.json").read_text())
    kinds = {language: kinds_of(language) for language in sorted(set(mapping.values()))}
    entries = sorted((ext.encode(), language) for ext, language in mapping.items())
    languages = {"python": 1, "java": 2, "javascript": 3, "html": 4}
    lines = [
        "// Made by tools/make_code_languages.py: extension, language (0: another), comments.",
        f"constexpr std::array<CodeLanguage, {len(entries)}> kLanguages = {{{{",
        *[
            f"    {{{json.dumps(ext.decode())}, {number}, {kinds[language]:#x}}},"
            for ext, language in entries
            for number in [languages.get(language, 0)]
        ],
        "}};",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
