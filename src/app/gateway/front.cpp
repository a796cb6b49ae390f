// See front.hpp.
#include "app/gateway/front.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "app/gateway/addresses.hpp"

namespace pgkeel::app {
namespace {

// A socket that listens and does not block.
Result<runtime::Fd> listen_at(const ListenAddress& address) {
  TRY(found, addresses_of(address.host, address.port, AI_PASSIVE));
  runtime::Fd made(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.valid()) return fail(Error::from_errno(errno, "socket"));
  const int on = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(made.get(), found->ai_addr, found->ai_addrlen) == 0 &&
      ::listen(made.get(), SOMAXCONN) == 0)
    return made;
  return fail(
      Error::from_errno(errno, fmt::format("gateway.listen {}:{}", address.host, address.port)));
}

}  // namespace

// The Unix socket is where libpq looks for it, of a directory and a port.
FrontPlaces places_of(const GatewayOrders& orders) {
  FrontPlaces places;
  places.tcp = fmt::format("{}:{}", orders.listen.host, orders.listen.port);
  if (!orders.socket_dir.empty())
    places.socket = fmt::format("{}/.s.PGSQL.{}", orders.socket_dir, orders.listen.port);
  return places;
}

Result<GatewayFront> open_front(const GatewayOrders& orders) {
  GatewayFront front;
  const auto places = places_of(orders);
  if (!places.socket.empty()) {
    auto made = gateway::UnixListener::at(places.socket);
    if (!made) return fail(std::move(made).error().with_context("gateway.socket_dir"));
    front.at_socket.emplace(std::move(*made));
  }
  TRY(tcp, listen_at(orders.listen));
  front.tcp = std::move(tcp);
  return front;
}

std::string front_text(const FrontPlaces& places) { return places.tcp + "\n" + places.socket; }

std::vector<int> front_descriptors(const GatewayFront& front) {
  std::vector<int> descriptors = {front.lock ? front.lock->descriptor() : -1, front.tcp.get()};
  if (front.at_socket) descriptors.push_back(front.at_socket->descriptor());
  return descriptors;
}

Result<GatewayFront> front_of(const std::string& text, std::vector<runtime::Fd> descriptors,
                              const FrontPlaces& wanted) {
  if (text != front_text(wanted))
    return fail(ErrorCode::Refused, "the gateway that runs listens elsewhere");
  if (descriptors.size() != (wanted.socket.empty() ? 2U : 3U))
    return fail(ErrorCode::Malformed, "other sockets than the gateway that runs should have");
  GatewayFront front;
  front.lock.emplace(runtime::FileLock::passed_on(std::move(descriptors[0])));
  front.tcp = std::move(descriptors[1]);
  if (wanted.socket.empty()) return front;
  TRY(at_socket, gateway::UnixListener::taken_over(wanted.socket,
                                                   std::exchange(descriptors[2], {}).release()));
  front.at_socket.emplace(std::move(at_socket));
  return front;
}

void pass_on(GatewayFront& front) {
  if (front.at_socket) std::move(*front.at_socket).pass_on();
  front.at_socket.reset();
  front.tcp.reset();
  front.lock.reset();
}

}  // namespace pgkeel::app
