// Accounts from the system's user database (getpwuid_r, getpwnam_r).
#include "runtime/account.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

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

}  // namespace pgkeel::runtime
