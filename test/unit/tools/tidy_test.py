"""Tests of tools/tidy: every rule is shown a small tree that breaks it and one that keeps it."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / 'tools'))
from tidylib import checks  # noqa: E402 (the path above must be set first)

LAYERS = '# a comment\n2 serve client\n1 runtime pg\n0 base\n'


def violations(check, files):
    """What `check` says of a tree of {path: text}, as "path:line: message"."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for path, text in {'tools/layers.txt': LAYERS, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding='utf-8')
        return [f'{path}:{line}: {message}' for path, line, message in check(checks.Tree(root))]


class TidyTest(unittest.TestCase):
    def assert_found(self, check, files, *wanted):
        """Each of `wanted` is the beginning of one violation, and there are no others."""
        found = violations(check, files)
        self.assertEqual(len(found), len(wanted), found)
        for start in wanted:
            self.assertTrue(any(line.startswith(start) for line in found), f'{start} not in {found}')

    def test_floors(self):
        # Goal: includes go downwards only, and a confined library stays in its room.
        self.assert_found(checks.floors, {
            'src/base/a.hpp': '// a\n',
            'src/pg/b.hpp': '// b\n#include "base/a.hpp"\n#include <vector>\n',
            'src/client/c.cpp': '// c\n#include <libpq-fe.h>\n#include "pg/b.hpp"\n',
        })
        self.assert_found(checks.floors, {
            'src/base/a.hpp': '// a\n#include "pg/b.hpp"\n',
            'src/pg/b.hpp': '// b\n#include <libpq-fe.h>\n',
            'src/runtime/r.hpp': '// r\n#include "pg/b.hpp"\n#include <boost/asio.hpp>\n',
            'src/client/c.cpp': '// c\n#include "sibling.hpp"\n',
            'src/cellar/d.cpp': '// d\n',
        }, 'src/base/a.hpp:2:', 'src/pg/b.hpp:2:', 'src/runtime/r.hpp:2:', 'src/client/c.cpp:2:', 'src/cellar/d.cpp:1:')

    def test_purity(self):
        # Goal: a pure room reads no clock and opens nothing; a comment may speak of both.
        self.assert_found(checks.purity, {'src/pg/a.cpp': '// wall_now()\n#include <vector>\n'})
        self.assert_found(checks.purity, {'src/pg/a.cpp': '// a\n#include <fstream>\nauto t = wall_now();\n'},
                          'src/pg/a.cpp:2:', 'src/pg/a.cpp:3:')

    def test_sizes(self):
        # Goal: the limits hold for whole files, for functions wherever they stand, and for READMEs.
        body = '  step();\n' * 70
        self.assert_found(checks.sizes, {
            'src/base/a.cpp': 'int f() {\n' + body[20:] + '}\n', 'src/base/README.md': 'x\n' * 30})
        self.assert_found(checks.sizes, {
            'src/base/a.cpp': '//\n' * 601,
            'src/base/b.cpp': 'namespace x {\ntemplate <class T>\nT Foo<T>::f(int a = 0) const {\n' + body + '}\n}\n',
            'src/base/c.cpp': 'Foo::Foo(int a)\n    : a_{a}, b_{1} {\n' + body + '}\n',
            'src/base/d.cpp': 'struct S {\n public:\n  bool operator==(const S&) {\n' + body + '  }\n};\n',
            'src/base/README.md': 'x\n' * 31,
        }, 'src/base/a.cpp:1:', 'src/base/b.cpp:2:', 'src/base/c.cpp:1:', 'src/base/d.cpp:3:', 'src/base/README.md:1:')

    def test_function_shapes(self):
        # Goal: literals, digit separators, tables and lambdas do not mislead the function finder.
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'a.cpp'
            path.write_text('constexpr int kTable[] = {1, 2};\nconst char* kText = R"({ { {)";\n'
                            "int one() { return 5'000 + '{'; }\nenum class E : int { A };\n"
                            'void two() {\n  auto f = [](int x) { return x; };\n  f(1);  // }\n}\n')
            found = checks.Source(pathlib.Path(directory), 'a.cpp').functions()
        self.assertEqual(found, [('one', 3, 3), ('two', 5, 8)])

    def test_names(self):
        # Goal: banned names are found where we coin them, not where a library has them.
        self.assert_found(checks.names, {
            'src/base/a.cpp': '// a Manager\nauto p = v.data();\nint data_dir;\nreturn data();\nchild_process(1);\n'})
        self.assert_found(checks.names, {
            'src/base/a.cpp': 'class PoolManager {};\nauto& data = x;\nvoid process(int);\nx.process(1);\n',
            'src/base/string_utils.hpp': '// s\n',
        }, 'src/base/a.cpp:1:', 'src/base/a.cpp:2:', 'src/base/a.cpp:3:', 'src/base/a.cpp:4:', 'src/base/string_utils.hpp:1:')

    def test_openings(self):
        # Goal: a file says why it exists in at most eight lines, a test states its goal first.
        self.assert_found(checks.openings, {'test/unit/base/a.cpp': '// Why.\nTEST(A, B) {\n  // Goal: c.\n}\n'})
        self.assert_found(checks.openings, {
            'src/base/a.hpp': '#pragma once\n', 'src/base/b.hpp': '// x\n' * 9,
            'test/unit/base/a.cpp': 'TEST_F(A, B) {\n  run();\n}\n',
        }, 'src/base/a.hpp:1:', 'src/base/b.hpp:1:', 'test/unit/base/a.cpp:1:')

    def test_coroutines(self):
        # Goal: only a lambda that captures and suspends is refused, and only a buried co_await.
        self.assert_found(checks.coroutines, {'src/base/a.cpp': (
            'void f() {\n  int x = a[i];\n  auto g = [x] { return x; };\n  auto h = []() -> Task<> { co_return; };\n'
            '  auto y = co_await h();\n  CO_TRY(z, co_await h());\n}\n')})
        self.assert_found(checks.coroutines, {'src/base/a.cpp': (
            'auto f = [&x](int y) mutable -> Task<int> {\n  co_return x;\n};\nvoid g() {\n  if (co_await h()) {}\n}\n'),
        }, 'src/base/a.cpp:1:', 'src/base/a.cpp:5:')

    def test_dead_files(self):
        # Goal: a source nobody builds, a header nobody includes and a room without README are found.
        self.assert_found(checks.dead_files, {
            'src/base/CMakeLists.txt': 'pgkeel_room(base SOURCES a.cpp deep/b.cpp)', 'src/base/README.md': '',
            'src/base/a.cpp': '#include "base/a.hpp"\n', 'src/base/a.hpp': '', 'src/base/deep/b.cpp': '',
            'test/unit/base/CMakeLists.txt': 'pgkeel_test(unit base SOURCES a_test.cpp)',
            'test/unit/base/a_test.cpp': '#include "samples.hpp"\n', 'test/unit/base/samples.hpp': '',
        })
        self.assert_found(checks.dead_files, {
            'src/base/CMakeLists.txt': 'pgkeel_room(base SOURCES aa.cpp)', 'src/base/a.cpp': '', 'src/base/a.hpp': '',
        }, 'src/base/a.cpp:1:', 'src/base/a.hpp:1:', 'src/base/README.md:1:')

    def test_leftovers(self):
        # Goal: unfinished marks, tabs, trailing blanks, secrets and dead links are found.
        self.assert_found(checks.leftovers, {
            'README.md': '[a](tools/layers.txt) [b](https://example.org)\n', 'docs/a.txt': '-----BEGIN PRIVATE KEY-----\nx\n'})
        self.assert_found(checks.leftovers, {
            'src/base/a.cpp': '// TO' 'DO later\n\tint x;\nint y; \n', 'deploy/.env': 'A=1\n', 'README.md': '[a](gone.md)\n',
            'docs/key.txt': '-----BEGIN RSA PRIVATE KEY-----\n' + 'a0B/' * 16 + '\n',
        }, 'src/base/a.cpp:1:', 'src/base/a.cpp:2:', 'src/base/a.cpp:3:', 'deploy/.env:1:', 'README.md:1:', 'docs/key.txt:1:')

    def test_formatting(self):
        # Goal: clang-format is asked, and a file it would change is named once.
        self.assert_found(checks.formatting, {'src/base/a.cpp': 'int x;\n'})
        self.assert_found(checks.formatting, {'src/base/a.cpp': 'int   x ;\nint   y ;\n'}, 'src/base/a.cpp:1:')


if __name__ == '__main__':
    unittest.main()
