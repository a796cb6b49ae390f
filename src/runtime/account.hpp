// Operating-system accounts: who we are, who owns the data directory, whom to drop to.
#pragma once

#include <sys/types.h>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::runtime {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
  friend bool operator==(const Account&, const Account&) = default;
};

[[nodiscard]] Result<Account> account_by_uid(uid_t uid);
[[nodiscard]] Result<Account> account_by_name(std::string_view name);
[[nodiscard]] bool running_as_root();

}  // namespace pgkeel::runtime
