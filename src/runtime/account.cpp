// Accounts from the system's user database (getpwuid_r, getpwnam_r).
#include "runtime/account.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.hpp"

namespace pgkeel::runtime {
namespace {

// One passwd entry; the longest seen in practice (LDAP gecos fields) are a few kilobytes.
constexpr std::size_t kPasswdEntryBytesMax = 65536;

template <class Lookup>
Result<Account> look_up(const std::string& what, Lookup lookup) {
  std::string buffer(kPasswdEntryBytesMax, '\0');
  passwd entry{};
  passwd* found = nullptr;
  const int err = lookup(&entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    if (err != 0 && err != ENOENT && err != ESRCH) return fail_errno(err, what);
    return fail(Error(ErrorCode::NotFound, what + " does not exist")
                    .with_hint("Check the name in /etc/passwd ('getent passwd' lists them)."));
  }
  return Account{entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir};
}

}  // namespace

Result<Account> account_by_uid(uid_t uid) {
  return look_up(fmt::format("the account with uid {}", uid),
                 [uid](passwd* entry, char* buffer, std::size_t size, passwd** found) {
                   return ::getpwuid_r(uid, entry, buffer, size, found);
                 });
}

Result<Account> account_by_name(std::string_view name) {
  const std::string text(name);
  return look_up(fmt::format("the account '{}'", text),
                 [&text](passwd* entry, char* buffer, std::size_t size, passwd** found) {
                   return ::getpwnam_r(text.c_str(), entry, buffer, size, found);
                 });
}

bool running_as_root() { return ::geteuid() == 0; }

// The raw calls change this thread alone; glibc's wrappers would change the whole process.
ActingAs::ActingAs(const std::optional<Account>& account) {
  if (!account || !running_as_root()) return;
  const bool group = ::syscall(SYS_setresgid, -1, account->gid, -1) == 0;
  acting_ = group && ::syscall(SYS_setresuid, -1, account->uid, -1) == 0;
  if (group && !acting_) CHECK(::syscall(SYS_setresgid, -1, 0, -1) == 0);
}

ActingAs::~ActingAs() {
  if (!acting_) return;
  CHECK(::syscall(SYS_setresuid, -1, 0, -1) == 0);  // the saved id is still root's
  CHECK(::syscall(SYS_setresgid, -1, 0, -1) == 0);
}

}  // namespace pgkeel::runtime
