// What systemd's answers to the call for a scope mean.
#include "instance/systemd_scope.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace pgkeel::instance {
namespace {

TEST(SystemdScope, AnswersAreToldApart) {
  // Goal: a second call goes out only where the first one's property is not known; one that was
  // late, or found the scope there, may have begun it and is no refusal (A9 K25).
  using enum ScopeAnswer;
  EXPECT_EQ(read_scope_answer(1, ""), Begun);
  EXPECT_EQ(read_scope_answer(-EROFS, "org.freedesktop.DBus.Error.PropertyReadOnly"),
            KnowsNoPolicy);
  EXPECT_EQ(read_scope_answer(-ENOENT, "org.freedesktop.DBus.Error.UnknownProperty"),
            KnowsNoPolicy);
  EXPECT_EQ(read_scope_answer(-ETIMEDOUT, "System.Error.ETIMEDOUT"), MayHaveBegun);
  EXPECT_EQ(read_scope_answer(-EIO, "org.freedesktop.DBus.Error.NoReply"), MayHaveBegun);
  EXPECT_EQ(read_scope_answer(-EEXIST, "org.freedesktop.systemd1.UnitExists"), MayHaveBegun);
  EXPECT_EQ(read_scope_answer(-EACCES, "org.freedesktop.DBus.Error.AccessDenied"), Refused);
  EXPECT_EQ(read_scope_answer(-ECONNRESET, ""), Refused);
}

}  // namespace
}  // namespace pgkeel::instance
