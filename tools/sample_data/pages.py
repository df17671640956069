"""Plain text of documentation pages: HTML and Mallard, man pages (roff), reStructuredText."""

import html
import re
from collections.abc import Callable

_HTML_START = re.compile(
    r'<main\b[^>]*>|<div[^>]*\brole="main"[^>]*>|<div id="DisplayArea"[^>]*>|<article\b[^>]*>'
)
_HTML_END = re.compile(
    r'</main>|</article>|<div class="(?:sphinxsidebar|clearer|navfooter|related)|</body>'
)
_HTML_DROP = re.compile(
    r"<!--.*?-->|<(script|style|nav|header|footer|head|aside|svg|form|button|info|indexterm)\b"
    r'.*?</\1\s*>|<div class="nav(?:header|footer)".*?</div>',
    re.S | re.I,
)
_HTML_PRE = re.compile(
    r"(<(?:pre|programlisting|screen)\b.*?</(?:pre|programlisting|screen)>)", re.S | re.I
)
_HTML_BLOCK = re.compile(
    r"</?(?:p|div|li|h[1-6]|tr|br|pre|dt|dd|ul|ol|dl|table|section|blockquote|title|item|page"
    r"|steps|note|hr)\b[^>]*>",
    re.I,
)
_HTML_TAG = re.compile(r"<[^<>]+>")
_HTML_CELL_END = re.compile(r"</t[dh]>", re.I)
_SPACES = re.compile(r"\s+")


def html_to_text(page: str) -> str:
    """Visible text without navigation: one line per block, <pre> kept line by line."""
    if start := _HTML_START.search(page):
        end = _HTML_END.search(page, start.end())
        page = page[start.end() : end.start() if end else len(page)]
    pieces = _HTML_PRE.split(_HTML_DROP.sub(" ", page))
    pieces[::2] = [_SPACES.sub(" ", piece) for piece in pieces[::2]]
    page = _HTML_CELL_END.sub(" ", "".join(pieces))
    return html.unescape(_HTML_TAG.sub("", _HTML_BLOCK.sub("\n", page)))


_ROFF_ESCAPES = [
    (re.compile(pattern), text)
    for pattern, text in (
        (r"\\f(?:\[[A-Z]*\]|\(..|.)|\\s[+-]?\d+|\\[&|^%:/,]|\\\"[^\n]*", ""),
        (r"\\[(\[]e[mn]\]?", "-"),
        (r"\\[(\[][adlr]q\]?", '"'),
        (r"\\\*?(?:\(..|\[[^]]*\])", ""),
        (r"\\(-|'|`| |~|\.)", r"\1"),
        (r"\\e", r"\\"),
    )
]
_ROFF_WORD = re.compile(r'"[^"]*"|\S+')
_ROFF_HEADINGS = {"SH", "SS", "Sh"}
_ROFF_BREAKS = {
    *("TP", "PP", "P", "LP", "IP", "HP", "TQ", "Pp", "It"),
    *("br", "sp", "nf", "fi", "EX", "EE"),
}
_ROFF_FONTS = {"B", "I", "SM", "SB", "Nm", "Xr", "Fl", "Ar"}
_ROFF_JOINED = {"BR", "IR", "RB", "RI", "BI", "IB"}
_ROFF_UNFILLED, _ROFF_FILLED = {"nf", "EX"}, {"fi", "EE"}


def roff_to_text(page: str) -> str:
    """Text of a man page: headings and paragraphs on lines of their own, filled text joined."""
    out: list[str] = []
    line_end = " "
    for line in page.split("\n"):
        request, rest = "", line
        if line[:1] in (".", "'"):
            request, _, rest = line[1:].strip().partition(" ")
        if request in _ROFF_UNFILLED:
            line_end = "\n"
        elif request in _ROFF_FILLED or request in _ROFF_HEADINGS:
            line_end = " "
        if request in _ROFF_HEADINGS:
            out.append("\n\n" + rest.strip('"') + "\n")
        elif request in _ROFF_FONTS or request in _ROFF_JOINED:
            words = (word.strip('"') for word in _ROFF_WORD.findall(rest))
            out.append(("" if request in _ROFF_JOINED else " ").join(words) + line_end)
        elif request:
            out.append("\n" if request in _ROFF_BREAKS else "")
        else:
            out.append(rest + line_end)
    text = "".join(out)
    for pattern, replacement in _ROFF_ESCAPES:
        text = pattern.sub(replacement, text)
    return text


_RST_DIRECTIVE = re.compile(r"^\s*\.\. .*\n(?:^[ \t]+:\w[^\n]*\n)*", re.M)
_RST_ROLE = re.compile(r":[\w:]+:`~?([^`<]*)(?:\s<[^`]*>)?`")
_RST_LINK = re.compile(r"`([^`<]+?)\s*(?:<[^>]*>)?`_{0,2}")
_RST_UNDERLINE = re.compile(r"^([=\-~^\"#*+.])\1{2,}\s*$", re.M)


def rst_to_text(page: str) -> str:
    """Text of a reStructuredText page without directives, roles, targets and underlines."""
    page = _RST_ROLE.sub(r"\1", _RST_DIRECTIVE.sub("", page))
    return _RST_UNDERLINE.sub("", _RST_LINK.sub(r"\1", page.replace("``", "")))


_BLANK_LINES = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """Lines without trailing space, indented ones kept, at most one blank line in a row."""
    lines = (line.rstrip() for line in text.replace("\r", "").replace("\xa0", " ").split("\n"))
    kept = (line if line[:2] == "  " else line.strip() for line in lines)
    return _BLANK_LINES.sub("\n\n", "\n".join(kept)).strip()


# A package gives the first of its formats that has enough files, so that no page comes twice.
FORMATS: list[tuple[re.Pattern[str], Callable[[str], str]]] = [
    (re.compile(r"\.rst(\.txt)?(\.gz)?$"), rst_to_text),
    (re.compile(r"\.(html|page)(\.gz)?$"), html_to_text),
    (re.compile(r"/man\d/[^/]+\.\d\w*(\.gz)?$"), roff_to_text),
    (re.compile(r"\.txt(\.gz)?$"), str),
]
