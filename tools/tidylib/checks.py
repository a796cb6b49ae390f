"""The checks of tools/tidy: each takes the Tree and yields (path, line, message).

A check's docstring is its line in `tidy --list`. Every rule here is one of CONTRIBUTING.md's; a
rule that cannot be told apart from a false alarm stays with the reviewers instead.
"""
import re
import subprocess
import sys

from .sources import Source, list_files, matching_brace

MOST_SOURCE_LINES = 600
MOST_FUNCTION_LINES = 70
MOST_README_LINES = 30
MOST_OPENING_LINES = 8

# Libraries that only these rooms may include; tests may use what they like to look from outside.
CONFINED = [
    ('boost/', {'runtime', 'serve'}), ('libpq-fe.h', {'client'}), ('sqlite3.h', {'incident'}),
    ('spdlog/', {'base'}), ('CLI/', {'app'}), ('toml++/', {'app'}), ('curl/', {'runtime'}), ('unicode/', {'pg'}),
]
# Rooms without I/O, clock or threads.
PURE = {'pg', 'diagnose'}
IMPURE_INCLUDE = re.compile(
    r'^(?:thread|mutex|fstream|future|unistd\.h|fcntl\.h|sys/(?!types\.h).*|runtime/(?!task\.hpp|account\.hpp).*|client/.*)$')
CLOCK = re.compile(r'\b(?:wall_now|Clock::now|clock_gettime|system_clock::now|steady_clock::now)\s*\(')

BANNED_NAMES = [
    (re.compile(r'\b\w*(?:Manager|Helpers?|Utils?|Impl)\b'), 'says nothing of what it is'),
    (re.compile(r'(?:\.|->)process\s*\(|\b(?:void|bool|auto|int|[\w:]*(?:Task|Result)<[^;{}()]*>)\s+process\s*\('),
     'says nothing of what is done'),
    (re.compile(r'(?<=[\w>&*]) (?<!return )(?<!goto )[&*]*data(?=\s*[=;,){])'), 'name the thing that is in it'),
]
BANNED_FILE = re.compile(r'(?:^|[_/])(?:manager|helpers?|utils?|impl|misc|common)\.(?:cpp|hpp)$')
LAMBDA = re.compile(
    r'(?<![\w\])\[])\s*\[([^\[\]]+)\]\s*(?:\((?:[^()]|\([^()]*\))*\)\s*)?(?:mutable\b\s*|noexcept\b\s*)*(?:->[^{;]+)?\{')
COROUTINE = re.compile(r'\bco_(?:await|return|yield)\b')
NESTED_AWAIT = re.compile(r'(?:\b(?:if|while|switch|for)\s*\(|[!?]|&&|\|\||\breturn|\bCHECK\()\s*\(?\s*co_await\b')
UNFINISHED = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
SECRET_FILE = re.compile(r'(?:^|/)(?:\.env(?:\..*)?|[^/]*\.env|[^/]*\.key|[^/]*\.pem|id_rsa)$')
SECRET_TEXT = re.compile(r'-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{48}|\bAKIA[0-9A-Z]{16}\b')
TEST_CASE = re.compile(r'^(?:TYPED_)?TEST(?:_[FP])?\(', re.M)


class Tree:
    """The repository as the checks see it."""

    def __init__(self, root):
        self.root = root
        self.paths = list_files(root)
        text = [p for p in self.paths if not p.endswith(('.png', '.ico', '.woff2', '.bin')) and '/corpus/' not in p]
        self.sources = [Source(root, path) for path in text]
        self.cpp = [source for source in self.sources if source.is_cpp]
        self.by_path = {source.path: source for source in self.sources}
        self.floors = {}
        for line in self.by_path['tools/layers.txt'].text.splitlines():
            floor, *rooms = line.split('#')[0].split() or [None]
            self.floors.update({room: int(floor) for room in rooms})

    def find_header(self, source, name):
        """The path of the header `source` means by `name`; only a test may mean one beside itself."""
        bases = ['src', 'test', 'include']
        if source.path.startswith('test/'):
            bases.append(source.path.rsplit('/', 1)[0])
        return next((f'{base}/{name}' for base in bases if f'{base}/{name}' in self.by_path), None)


def floors(tree):
    """rooms include only rooms on lower floors (tools/layers.txt), libraries stay in their rooms"""
    for source in tree.cpp:
        room = source.room
        if room is None or room == 'tools':
            continue
        if room not in tree.floors:
            yield source.path, 1, f"room '{room}' is not in tools/layers.txt"
            continue
        for line, name, quoted in source.includes():
            other = name.split('/')[0]
            if quoted and other in tree.floors and other != room and tree.floors[other] >= tree.floors[room]:
                yield source.path, line, (f'{room} (floor {tree.floors[room]}) may not include {name} '
                                          f'(floor {tree.floors[other]})')
            if quoted and not tree.find_header(source, name):
                yield source.path, line, f'include {name} by its path from src/'
            for prefix, allowed in CONFINED:
                if source.path.startswith('src/') and name.startswith(prefix) and room not in allowed:
                    yield source.path, line, f"{name} belongs to {' and '.join(sorted(allowed))} only"


def purity(tree):
    """pg and diagnose know no file, socket, thread or clock"""
    for source in tree.cpp:
        if not source.path.startswith('src/') or source.room not in PURE:
            continue
        for line, name, _ in source.includes():
            if IMPURE_INCLUDE.match(name):
                yield source.path, line, f'{source.room} is pure: no {name}'
        for match in CLOCK.finditer(source.code):
            yield source.path, source.line_of(match.start()), f'{source.room} is pure: take `now` as an argument'


def sizes(tree):
    """a source has at most 600 lines, a function 70, a room's README 30"""
    for source in tree.sources:
        lines = source.text.count('\n')
        if source.is_cpp or source.path.startswith(('tools/', 'web/')) or source.path == 'dev':
            if lines > MOST_SOURCE_LINES:
                yield source.path, 1, f'{lines} lines, the most is {MOST_SOURCE_LINES}'
        if re.match(r'src/[^/]+/README\.md$', source.path) and lines > MOST_README_LINES:
            yield source.path, 1, f'{lines} lines, the most is {MOST_README_LINES}'
    for source in tree.cpp:
        for name, first, last in source.functions():
            if last - first + 1 > MOST_FUNCTION_LINES:
                yield source.path, first, f'{name} has {last - first + 1} lines, the most is {MOST_FUNCTION_LINES}'


def names(tree):
    """no Manager, Helper, Util, Impl, process(), data"""
    for source in tree.cpp:
        if BANNED_FILE.search(source.path):
            yield source.path, 1, 'the file name says nothing of what is in it'
        for pattern, why in BANNED_NAMES:
            for match in pattern.finditer(source.plain_code):
                yield source.path, source.line_of(match.end() - 1), f"'{match.group().strip()}': {why}"


def openings(tree):
    """a source opens with one to eight lines that say why it exists, a test case with its goal"""
    for source in tree.cpp:
        lines = source.text.splitlines()
        count = next((i for i, text in enumerate(lines) if not text.startswith('//')), len(lines))
        least = 0 if TEST_CASE.search(source.plain_code) else 1  # there the goals say it
        if not least <= count <= MOST_OPENING_LINES:
            yield source.path, 1, f'opens with {count} lines of comment, wanted are {least} to {MOST_OPENING_LINES}'
        for match in TEST_CASE.finditer(source.plain_code):
            body = source.plain_code.find('{', match.end())
            if body >= 0 and not source.text[body + 1:].lstrip().startswith('//'):
                yield source.path, source.line_of(match.start()), 'the first line of a test states its goal'


def coroutines(tree):
    """no capturing lambda is a coroutine; co_await stands alone into a named local"""
    for source in tree.cpp:
        code = source.plain_code
        for match in LAMBDA.finditer(code):
            body = code[match.end() - 1:matching_brace(code, match.end() - 1)]
            if COROUTINE.search(body):
                yield source.path, source.line_of(match.end() - 1), 'a capturing lambda must not be a coroutine'
        for match in NESTED_AWAIT.finditer(code):
            yield source.path, source.line_of(match.end() - 1), 'co_await stands alone into a named local'


def dead_files(tree):
    """every .cpp is named in a CMakeLists.txt, every header is included, every room has a README"""
    for source in tree.cpp:
        parts = source.path.split('/')
        if source.path.endswith('.cpp') and parts[0] in ('src', 'test') and not _is_built(tree, parts):
            yield source.path, 1, 'no CMakeLists.txt names it'
    included = {tree.find_header(source, name) for source in tree.cpp for _, name, _ in source.includes()}
    for source in tree.cpp:
        if source.path.endswith('.hpp') and source.path not in included:
            yield source.path, 1, 'nothing includes it'
    for room in sorted({source.room for source in tree.cpp if source.path.startswith('src/')}):
        if f'src/{room}/README.md' not in tree.by_path:
            yield f'src/{room}/README.md', 1, 'a room says what it is for, what it guarantees, what it refuses'


def _is_built(tree, parts):
    for depth in range(len(parts) - 1, 0, -1):
        lists = tree.by_path.get('/'.join(parts[:depth]) + '/CMakeLists.txt')
        path = '/'.join(parts[depth:])
        stem = path.removesuffix('.cpp')
        if lists and re.search(rf'(?<![\w/.-]){re.escape(stem)}(?:\.cpp)?(?![\w/.-])', lists.text):
            return True
    return False


def leftovers(tree):
    """no unfinished marks, tabs, trailing blanks, secrets or dead links"""
    for source in tree.sources:
        for number, line in enumerate(source.text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield source.path, number, 'finish it or put it into an issue'
            recorded = source.path.startswith('test/data/')
            if '\t' in line and not recorded and not source.path.endswith(('.log', '.csv', 'Makefile')):
                yield source.path, number, 'tab'
            if line != line.rstrip() and not recorded and (source.is_cpp or source.path.endswith(('.py', '.txt', '.cmake', '.toml'))):
                yield source.path, number, 'blanks at the end of the line'
        for match in SECRET_TEXT.finditer(source.text):
            yield source.path, source.line_of(match.start()), 'looks like a secret'
        if source.path.endswith('.md'):
            yield from _dead_links(tree, source)
    for path in tree.paths:
        if SECRET_FILE.search(path) and 'example' not in path:
            yield path, 1, 'a file of secrets is never under version control'


def _dead_links(tree, source):
    folder = (tree.root / source.path).parent
    for match in re.finditer(r'\]\((?!https?:|mailto:|#)([^)#\s]+)', source.text):
        if not (folder / match.group(1)).exists():
            yield source.path, source.line_of(match.start()), f'dead link {match.group(1)}'


def formatting(tree):
    """clang-format-19 would change nothing"""
    paths = [source.path for source in tree.cpp]
    shares = [share for share in (paths[0::2], paths[1::2]) if share]
    runs = [subprocess.Popen(['clang-format-19', '--dry-run', '-Werror', *share], cwd=tree.root,
                             stderr=subprocess.PIPE, text=True) for share in shares]
    seen = set()
    for run in runs:
        for line in run.communicate()[1].splitlines():
            match = re.match(r'(.+?):(\d+):\d+: error: ', line)
            if match and match.group(1) not in seen:
                seen.add(match.group(1))
                yield match.group(1), int(match.group(2)), 'not formatted: ./dev fmt'


def exit_codes(tree):
    """docs/reference/exit-codes.md is what tools/exit-codes makes of the error table"""
    tool = tree.root / 'tools/exit-codes'
    if tool.exists() and subprocess.run([sys.executable, tool, '--check'], stderr=subprocess.DEVNULL).returncode:
        yield 'docs/reference/exit-codes.md', 1, 'not current: tools/exit-codes'


ALL = [floors, purity, sizes, names, openings, coroutines, dead_files, leftovers, formatting, exit_codes]
