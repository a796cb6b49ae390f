"""What the checks of tools/tidy read: the files of the repository and the shape of C++ in them.

It knows C++ only as far as clang-format leaves it: comments and literals can be blanked, braces
match, and a function is a head with a parameter list before a brace at namespace or class scope.
It refuses to guess: what it does not recognise is not reported.
"""
import functools
import pathlib
import re
import subprocess

_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'", re.S)
_DIRECTIVE = re.compile(r'^[ \t]*#(?:\\\n|[^\n])*', re.M)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
_OPEN_SCOPE = re.compile(
    r'^\s*(?:template\s*<.*>\s*)?(?:inline\s+|export\s+)?(?:namespace|class|struct|union|extern)\b', re.S)
_PARENS = re.compile(r'\([^()]*\)')
_BRACES = re.compile(r'[{};]')


def _blank(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


class Source:
    """One text file. `path` is relative to the repository, with forward slashes."""

    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(encoding='utf-8', errors='replace')

    @property
    def is_cpp(self):
        return self.path.endswith(('.cpp', '.hpp'))

    @property
    def room(self):
        """The room of a file in src/ or test/unit/, else None."""
        parts = self.path.split('/')
        if parts[0] == 'src' and len(parts) > 2:
            return parts[1]
        return parts[2] if parts[:2] == ['test', 'unit'] and len(parts) > 3 else None

    @functools.cached_property
    def code(self):
        """The text with comments and literals blanked; offsets and lines stay where they were."""
        return _LITERAL.sub(_blank, self.text)

    @functools.cached_property
    def plain_code(self):
        """`code` without preprocessor directives."""
        return _DIRECTIVE.sub(_blank, self.code)

    def line_of(self, offset):
        return self.text.count('\n', 0, offset) + 1

    def includes(self):
        """(line, name, quoted) of every #include."""
        return [(self.line_of(m.start()), m.group(2), m.group(1) == '"')
                for m in _INCLUDE.finditer(self.text)]

    def functions(self):
        """(name, first line, last line) of every function with a body; lambdas belong to theirs."""
        code, found, head_start, skip_until = self.plain_code, [], 0, 0
        for mark in _BRACES.finditer(code):
            at = mark.start()
            if at < skip_until:
                continue
            head = re.sub(r'\b(?:public|private|protected)\s*:', _blank, code[head_start:at])
            if mark.group() != '{' or _OPEN_SCOPE.match(head):
                head_start = at + 1
                continue
            skip_until = end = matching_brace(code, at)
            after = code[end:].lstrip()[:1]
            if after and after in ',{;).':  # a member initializer or a braced value: the head goes on
                continue
            name = _function_name(head)
            if name:
                first = self.line_of(head_start + len(head) - len(head.lstrip()))
                found.append((name, first, self.line_of(end - 1)))
            head_start = end
        return found


def _function_name(head):
    if '(' not in head or head.count('(') != head.count(')'):
        return None
    flat = head.replace('operator()', 'operator_call')
    while _PARENS.search(flat):
        flat = _PARENS.sub('\x00', flat)
    signature = flat.split('\x00')[0]
    if re.search(r'\benum\b', flat) or ('=' in signature and 'operator' not in signature):
        return None
    if re.match(r'\s*(?:TYPED_)?TEST', head):
        return head.strip()
    words = re.findall(r'[~\w:]+(?:<[^<>]*>)?|operator\S+', signature)
    return words[-1] if words else None


def matching_brace(code, opening):
    """The offset just after the brace that closes the one at `opening`, or the end of the code."""
    depth = 0
    for mark in re.compile(r'[{}]').finditer(code, opening):
        depth += 1 if mark.group() == '{' else -1
        if depth == 0:
            return mark.end()
    return len(code)


def list_files(root):
    """Every file that is or would be under version control, relative to `root`, sorted."""
    if (root / '.git').exists():
        listing = subprocess.run(
            ['git', '-C', str(root), 'ls-files', '-z', '-co', '--exclude-standard'],
            check=True, capture_output=True, text=True).stdout.split('\0')
        return sorted(path for path in listing if path and (root / path).is_file())
    return sorted(str(pathlib.PurePosixPath(path.relative_to(root)))
                  for path in root.rglob('*') if path.is_file())
