// One request, one response, one connection. The peer is asked to close, so nothing is kept.
#include <fmt/format.h>

#include <array>

#include "runtime/http.hpp"
#include "runtime/http_message.hpp"
#include "runtime/socket_io.hpp"

namespace pgkeel::runtime {
namespace {

using detail::SocketAddress;

Result<std::vector<SocketAddress>> resolve_by_name(const std::string& host, std::uint16_t port) {
  auto addresses = detail::tcp_addresses(host, port, detail::Resolve::ByName);
  if (!addresses) return fail(ErrorCode::ConnectionFailed, addresses.error().detail);
  return addresses;
}

struct ResolveByName {
  std::string host;
  std::uint16_t port;
  Result<std::vector<SocketAddress>> operator()() const { return resolve_by_name(host, port); }
};

Task<Result<std::vector<SocketAddress>>> resolve(Loop& loop, HttpEndpoint endpoint) {
  if (!endpoint.unix_socket.empty()) {
    CO_TRY(address, detail::unix_address(endpoint.unix_socket));
    co_return std::vector<SocketAddress>{std::move(address)};
  }
  auto numeric = detail::tcp_addresses(endpoint.host, endpoint.port, detail::Resolve::NumericOnly);
  if (numeric) co_return numeric;
  ResolveByName by_name{endpoint.host, endpoint.port};
  auto addresses = co_await loop.run_blocking(std::move(by_name));
  co_return addresses;
}

Task<Result<Fd>> connect_any(Loop& loop, HttpEndpoint endpoint, SteadyTime deadline) {
  CO_TRY(addresses, co_await resolve(loop, std::move(endpoint)));
  Result<Fd> fd = fail(ErrorCode::ConnectionFailed, "the host has no address");
  for (const auto& address : addresses) {
    fd = co_await detail::connect_to(loop, address, deadline);
    if (fd) break;
  }
  co_return fd;
}

Task<Result<HttpResponse>> receive_response(Loop& loop, int fd, bool has_body,
                                            SteadyTime deadline) {
  detail::HttpResponseReader reader(has_body);
  std::array<char, 16384> buffer;  // NOLINT: filled by recv
  while (true) {
    CO_TRY(count, co_await detail::receive_some(loop, fd, buffer.data(), buffer.size(), deadline));
    if (count == 0) co_return reader.finish();
    CO_TRY(response, reader.feed({buffer.data(), count}));
    if (response) co_return std::move(*response);
  }
}

std::string host_header(const HttpEndpoint& endpoint) {
  if (!endpoint.unix_socket.empty()) return "localhost";
  return detail::host_and_port(endpoint.host, endpoint.port);
}

}  // namespace

Task<Result<HttpResponse>> http_request(Loop& loop, HttpEndpoint endpoint, HttpRequest request,
                                        SteadyTime deadline) {
  CO_TRY(fd, co_await connect_any(loop, endpoint, deadline));
  const auto bytes = detail::write_request(request, host_header(endpoint));
  // A peer that refuses a request may answer and close before it has read all of it: its answer
  // tells more than our broken pipe, so only silence is an error here.
  const auto sent = co_await detail::send_all(loop, fd.get(), bytes, deadline);
  if (!sent && sent.error().code == ErrorCode::TimedOut) co_return fail(sent.error());
  const bool has_body = request.method != "HEAD";
  auto response = co_await receive_response(loop, fd.get(), has_body, deadline);
  if (!response && response.error().code == ErrorCode::ConnectionLost)
    co_return fail(ErrorCode::Http, "the connection ended before the response did");
  co_return response;
}

}  // namespace pgkeel::runtime
