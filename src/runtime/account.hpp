// Operating-system accounts: who we are, who owns the data directory, whom to drop to.
#pragma once

#include <sys/types.h>
#include <optional>
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

/// The calling thread acts as `account` while this lives, and only this thread: for connect(2) over
/// a Unix socket, where the server looks at who connects (peer authentication). Does nothing unless
/// we are root. Keep it around single system calls, never across a co_await.
class ActingAs {
 public:
  explicit ActingAs(const std::optional<Account>& account);
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  bool acting_ = false;
};

}  // namespace pgkeel::runtime
