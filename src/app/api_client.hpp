// The commands' side of the guard's API over STATE_DIR/guard.sock: one request, one answer, an
// error of ours with the exit code the guard meant.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "app/config.hpp"
#include "app/json_read.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

class GuardClient {
 public:
  explicit GuardClient(const Config& config) : socket_(config.guard_socket()) {}

  /// GuardNotRunning when nobody answers at the socket, Permission when this user may not reach it,
  /// else the guard's own error.
  [[nodiscard]] Result<Json> get(std::string path, std::map<std::string, std::string> query = {});
  [[nodiscard]] Result<Json> post(std::string path, const Json& body);

 private:
  Result<Json> exchange(std::string method, std::string path,
                        std::map<std::string, std::string> query, std::string body);
  std::filesystem::path socket_;
};

/// Reading is answered from memory; a change may wait for the journal's disk.
inline constexpr Millis kReadTimeout{10'000};
inline constexpr Millis kChangeTimeout{60'000};

/// The error in an answer of the API that is not 2xx.
[[nodiscard]] Error error_from_problem(int status, std::string_view body);

/// Who asks, for the guard's journal: "alice", or "root (sudo by alice)".
[[nodiscard]] std::string who_asks();

}  // namespace pgkeel::app
