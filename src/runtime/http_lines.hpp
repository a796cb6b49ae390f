// A response that does not end: its lines, as the peer writes them (an engine's events). HTTP/1.0
// is spoken, so that the body comes as it is and not in chunks. It guarantees: a line that never
// ends costs kHttpLineBytesMax and no more; every wait has a deadline. It refuses TCP: what is
// followed is on this host.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "runtime/fd.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

inline constexpr std::size_t kHttpLineBytesMax = 256U << 10U;

class HttpLines {
 public:
  /// Asks for `target` (path and query, encoded) and reads the head of the answer. ConnectionFailed
  /// when nobody listens, Http when the answer is none or not 200, TimedOut.
  static Task<Result<HttpLines>> open(Loop& loop, std::filesystem::path unix_socket,
                                      std::string target, SteadyTime deadline);

  /// The next line without its end. TimedOut at the deadline, after which it may be called again;
  /// ConnectionLost when the peer ended it; Http when a line is too long.
  Task<Result<std::string>> next(SteadyTime deadline);

 private:
  HttpLines(Loop& loop, Fd fd) : loop_(&loop), fd_(std::move(fd)) {}
  Task<Result<void>> read_head(SteadyTime deadline);

  Loop* loop_;
  Fd fd_;
  std::string buffer_;
};

}  // namespace pgkeel::runtime
