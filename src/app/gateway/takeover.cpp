// See takeover.hpp.
#include "app/gateway/takeover.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"
#include "gateway/relay/settings.hpp"
#include "runtime/lock_note.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using Kind = TakeoverMessage::Kind;

constexpr Seconds kAnswerWithin{5};
constexpr mode_t kOwnerOnly = 0600;
constexpr std::string_view kSocketBegin = "takeover-";
constexpr std::string_view kSocketEnd = ".sock";

Result<runtime::Fd> new_socket(int more) {
  runtime::Fd made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | more, 0));
  if (!made.valid()) return fail(Error::from_errno(errno, "socket"));
  return made;
}

const sockaddr* address_of(const gateway::SocketAddress& at) {
  return reinterpret_cast<const sockaddr*>(&at.address);
}

// What the process's own account may open: root's, or ours.
bool may_ask(int connection) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return false;
  return who.uid == 0 || who.uid == ::geteuid();
}

void limit_time(int socket) {
  const timeval limit{kAnswerWithin.count(), 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

Result<std::unique_ptr<TakeoverDoor>> TakeoverDoor::open(gateway::Worker& worker,
                                                         GatewayFront& front, FrontPlaces places) {
  const auto path = takeover_socket(::getpid());
  TRY(address, gateway::SocketAddress::of_unix(path.string()));
  TRY(door, new_socket(SOCK_NONBLOCK));
  ::unlink(path.c_str());  // of a process that had our number
  if (::bind(door.get(), address_of(address), address.bytes) != 0 ||
      ::chmod(path.c_str(), kOwnerOnly) != 0 || ::listen(door.get(), 1) != 0)
    return fail(Error::from_errno(errno, path.string()));
  std::unique_ptr<TakeoverDoor> made(
      new TakeoverDoor(worker, front, std::move(places), std::move(door)));
  TRY_VOID(worker.loop().watch(made->door_.get(), [to = made.get()] { to->arrived(); }));
  return made;
}

TakeoverDoor::TakeoverDoor(gateway::Worker& worker, GatewayFront& front, FrontPlaces places,
                           runtime::Fd door)
    : worker_(worker), front_(front), places_(std::move(places)), door_(std::move(door)) {}

// Of two the later: the former may hang.
void TakeoverDoor::arrived() {
  runtime::Fd came(::accept4(door_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!came.valid() || !may_ask(came.get())) return;
  forget_heir();
  if (worker_.loop().watch(came.get(), [this] { said(); })) heir_ = std::move(came);
}

void TakeoverDoor::forget_heir() {
  if (!heir_.valid()) return;
  worker_.loop().unwatch(heir_.get());
  heir_.reset();
  given_ = false;
}

void TakeoverDoor::said() {
  const auto received = receive_takeover(heir_.get());
  if (!received) return forget_heir();
  if (*received) take((*received)->message);
}

void TakeoverDoor::take(const TakeoverMessage& message) {
  if (message.kind == Kind::Ask && !worker_.draining()) return give();
  if (message.kind == Kind::Ready && given_ && !worker_.draining()) return pass_on();
  if (message.kind != Kind::Cancel) return forget_heir();
  worker_.cancel({message.process_id, message.text}, [this, number = message.number] {
    if (heir_.valid())
      static_cast<void>(send_takeover(heir_.get(), {.kind = Kind::Cancelled, .number = number}));
  });
}

// Who is paused is waited for by somebody who wants no queries at the server: a new gateway would
// not know.
void TakeoverDoor::give() {
  if (worker_.pauses().databases().any()) {
    log_warning("another gateway is not let take over: a database is paused");
    return forget_heir();
  }
  const auto sent = send_takeover(heir_.get(), {.kind = Kind::Front, .text = front_text(places_)},
                                  front_descriptors(front_));
  given_ = sent.has_value();
  if (given_) return;
  log_warning("another gateway could not be given the sockets", {{"why", sent.error().message()}});
  forget_heir();
}

void TakeoverDoor::pass_on() {
  log_info("another gateway has taken over; clients that are here stay until they leave",
           {{"clients", worker_.clients()}});
  worker_.drain();
  app::pass_on(front_);
  worker_.loop().unwatch(door_.get());
  door_.reset();
}

Result<Taken> take_over(const fs::path& lock_file, const FrontPlaces& wanted) {
  const auto holder = runtime::noted_pid(lock_file);
  if (!holder) return fail(ErrorCode::ConnectionFailed, "nobody knows which gateway runs");
  TRY(address, gateway::SocketAddress::of_unix(takeover_socket(*holder).string()));
  TRY(line, new_socket(0));
  limit_time(line.get());
  if (::connect(line.get(), address_of(address), address.bytes) != 0)
    return fail(Error(ErrorCode::ConnectionFailed,
                      fmt::format("the gateway that runs (pid {}) lets nobody take over: {}",
                                  *holder, std::generic_category().message(errno))));
  TRY_VOID(send_takeover(line.get(), {.kind = Kind::Ask}));
  auto received = receive_takeover(line.get());
  if (!received)
    return fail(std::move(received).error().with_context("the gateway that runs gave nothing"));
  if (!*received) return fail(ErrorCode::TimedOut, "the gateway that runs did not answer in time");
  auto& [message, descriptors] = **received;
  if (message.kind != Kind::Front)
    return fail(ErrorCode::Malformed, "the gateway that runs gave something else");
  TRY(front, front_of(message.text, std::move(descriptors), wanted));
  return Taken{std::move(front), std::move(line)};
}

FormerGateway::FormerGateway(gateway::Worker& worker, runtime::Fd line)
    : worker_(worker), line_(std::move(line)) {
  ::fcntl(line_.get(), F_SETFL, ::fcntl(line_.get(), F_GETFL) | O_NONBLOCK);
  if (!worker_.loop().watch(line_.get(), [this] { said(); })) line_.reset();
}

Result<void> FormerGateway::say_ready() {
  if (!line_.valid()) return fail(ErrorCode::ConnectionFailed, "the former gateway has gone");
  return send_takeover(line_.get(), {.kind = Kind::Ready});
}

void FormerGateway::cancel(const gateway::CancelAsked& asked, std::function<void()> told) {
  const auto number = ++last_;
  const auto sent = send_takeover(
      line_.get(),
      {.kind = Kind::Cancel, .number = number, .process_id = asked.process_id, .text = asked.key});
  if (!sent) return told();
  asked_.emplace(number, std::move(told));
}

void FormerGateway::said() {
  const auto received = receive_takeover(line_.get());
  if (!received) return gone();
  if (!*received || (*received)->message.kind != Kind::Cancelled) return;
  auto asked = asked_.extract((*received)->message.number);
  if (asked) asked.mapped()();
}

void FormerGateway::gone() {
  log_info("the former gateway has ended: its last client has left");
  worker_.loop().unwatch(line_.get());
  line_.reset();
  for (auto& [number, told] : std::exchange(asked_, {})) told();
}

void clear_takeover_sockets() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(".", error)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(kSocketBegin) || !name.ends_with(kSocketEnd)) continue;
    const auto dot = name.find('.');
    pid_t pid = 0;
    std::from_chars(name.data() + dot + 1, name.data() + name.size(), pid);
    if (pid > 0 && pid != ::getpid() && (::kill(pid, 0) != 0 && errno == ESRCH))
      ::unlink(entry.path().c_str());
  }
}

}  // namespace pgkeel::app
