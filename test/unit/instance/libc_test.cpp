// Which C library a process has mapped, from the kernel's text and from the library's own words.
#include "instance/libc.hpp"

#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace pgkeel::instance {
namespace {

using namespace std::string_view_literals;

TEST(Libc, IsFoundAmongTheMappings) {
  // Goal: by its file's name, also when that was replaced; not by a name that only looks like it.
  const auto glibc = find_libc_mapping(
      "55d0-55d1 r--p 00000000 08:01 1 /usr/lib/postgresql/15/bin/postgres\n"
      "7f00-7f01 r--p 00000000 08:01 2 /usr/lib/x86_64-linux-gnu/libcrypto.so.3\n"
      "7f10-7f12 r--p 00000000 08:01 3 /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)\n");
  EXPECT_EQ(glibc.range, "7f10-7f12");
  EXPECT_EQ(glibc.path, "/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)");
  EXPECT_EQ(find_libc_mapping("7f-80 r-xp 0 0:1 4 /lib/ld-musl-x86_64.so.1").path,
            "/lib/ld-musl-x86_64.so.1");
  EXPECT_TRUE(find_libc_mapping("").path.empty());
  EXPECT_TRUE(find_libc_mapping("nonsense\n/\n\n").path.empty());
}

TEST(Libc, SaysItsVersion) {
  // Goal: the banner of the library; anything else says nothing.
  EXPECT_EQ(libc_version_in("x\0GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version"
                            " 2.36.\nCopyright"sv),
            "glibc 2.36");
  EXPECT_EQ(libc_version_in("GNU C Library"), "");
  EXPECT_EQ(libc_version_in(""), "");
}

TEST(Libc, OfThisProcessIsTheOneItRunsOn) {
  // Goal: the whole way, on a real process; a process that is not there has none.
  EXPECT_EQ(libc_of(::getpid()), std::string("glibc ") + ::gnu_get_libc_version());
  EXPECT_EQ(libc_of(-1), "");
}

}  // namespace
}  // namespace pgkeel::instance
