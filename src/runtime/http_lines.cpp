// See http_lines.hpp.
#include "runtime/http_lines.hpp"

#include <fmt/format.h>

#include <array>

#include "runtime/socket_io.hpp"

namespace pgkeel::runtime {
namespace {

constexpr int kHeadLinesMax = 100;  // engines send a dozen

bool is_ok(std::string_view status_line) {
  const auto space = status_line.find(' ');
  return status_line.starts_with("HTTP/1.") && space != std::string_view::npos &&
         status_line.substr(space + 1).starts_with("200");
}

}  // namespace

Task<Result<HttpLines>> HttpLines::open(Loop& loop, std::filesystem::path unix_socket,
                                        std::string target, SteadyTime deadline) {
  CO_TRY(address, detail::unix_address(unix_socket));
  CO_TRY(fd, co_await detail::connect_to(loop, std::move(address), deadline));
  HttpLines lines(loop, std::move(fd));
  const auto asked = fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\n\r\n", target);
  CO_TRY_VOID(co_await detail::send_all(loop, lines.fd_.get(), asked, deadline));
  CO_TRY_VOID(co_await lines.read_head(deadline));
  co_return std::move(lines);
}

Task<Result<void>> HttpLines::read_head(SteadyTime deadline) {
  CO_TRY(status, co_await next(deadline));
  if (!is_ok(status)) co_return fail(ErrorCode::Http, "the answer was: " + status.substr(0, 200));
  for (int lines = 0; lines < kHeadLinesMax; ++lines) {
    CO_TRY(header, co_await next(deadline));
    if (header.empty()) co_return Result<void>();
  }
  co_return fail(ErrorCode::Http, "the answer's head does not end");
}

Task<Result<std::string>> HttpLines::next(SteadyTime deadline) {
  std::array<char, 16384> bytes;  // NOLINT: filled by recv
  while (true) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      co_return line;
    }
    if (buffer_.size() > kHttpLineBytesMax)
      co_return fail(ErrorCode::Http, "a line of the answer does not end");
    CO_TRY(count,
           co_await detail::receive_some(*loop_, fd_.get(), bytes.data(), bytes.size(), deadline));
    if (count == 0) co_return fail(ErrorCode::ConnectionLost, "the peer ended the answer");
    buffer_.append(bytes.data(), count);
  }
}

}  // namespace pgkeel::runtime
