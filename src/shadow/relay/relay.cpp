// See relay.hpp.
#include "shadow/relay/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/log.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;

constexpr int kBacklog = 8;
constexpr Millis kTick{1'000};  // for keepalives; news wakes it at once
// News that follows news is sent together: a server that commits 3,000 times a second would wake
// everybody behind it as often.
constexpr Millis kGather{5};
constexpr std::size_t kReadBytes = 64U << 10U;

Result<sockaddr_un> address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& text = path.native();
  if (text.size() >= sizeof address.sun_path)
    return fail(ErrorCode::Refused, "the path of the socket is too long: " + text);
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

// Who may come in is told by the kernel, not by the file's mode. The directory is another
// account's, which could put a link in the socket's place: only what was opened is changed.
Result<void> open_to_all(const fs::path& path) {
  const runtime::Fd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, path.string());
  if (!S_ISSOCK(status.st_mode) || status.st_uid != ::geteuid())
    return fail(ErrorCode::Refused, path.string() + " is not the socket that was made");
  if (::chmod(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), 0666) != 0)
    return fail_errno(errno, "open " + path.string() + " to all");
  return {};
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// False when the other side is gone.
bool read_all(int fd, RelaySession& session, SteadyTime now) {
  std::array<std::byte, kReadBytes> bytes{};
  while (!session.ended()) {
    const auto got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) return would_block();
    if (got == 0) return false;
    session.receive(ByteSpan(bytes).first(static_cast<std::size_t>(got)), now);
  }
  return true;
}

bool write_all(int fd, RelaySession& session) {
  while (!session.pending().empty()) {
    const auto bytes = session.pending();
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return would_block();
    session.sent(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::start(RelayOptions options) {
  std::unique_ptr<Relay> relay(new Relay(std::move(options)));
  const auto& at = relay->options_;
  TRY(shelf, at.up_to ? Shelf::open_up_to(at.places, *at.up_to) : Shelf::open(at.places));
  relay->shelf_ = std::move(shelf);
  TRY_VOID(relay->listen());
  relay->thread_ =
      std::jthread([self = relay.get()](const std::stop_token& stop) { self->run(stop); });
  return relay;
}

Relay::~Relay() {
  thread_.request_stop();
  if (wake_.valid()) ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
  ::unlink(socket().c_str());
}

fs::path Relay::socket() const {
  return options_.directory / fmt::format(".s.PGSQL.{}", kRelayPort);
}

// The one that has the archive's receiver lock is the only one: a socket that is there is a dead
// one's.
Result<void> Relay::listen() {
  wake_ = runtime::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  listener_ = runtime::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!wake_.valid() || !listener_.valid()) return fail_errno(errno, "make a socket");
  const auto path = socket();
  TRY(address, address_of(path));
  ::unlink(path.c_str());
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), kBacklog) != 0)
    return fail_errno(errno, "listen at " + path.string());
  return open_to_all(path);
}

void Relay::received(TimelineId timeline, Lsn end) {
  shelf_->received(timeline, end);
  ::eventfd_write(wake_.get(), 1);
}

std::vector<StandbyView> Relay::standbys() const {
  const std::scoped_lock lock(mutex_);
  return views_;
}

void Relay::run(const std::stop_token& stop) {
  try {
    serve(stop);
  } catch (const std::exception& error) {  // out of memory; the receiver goes on
    log_error("the relay has ended", {{"why", error.what()}});
  }
}

void Relay::serve(const std::stop_token& stop) {
  SteadyTime gathers_until{};
  auto news = News::Now;
  while (!stop.stop_requested()) {
    const auto left = gathers_until - SteadyClock::now();
    const bool gathers = left > SteadyTime::duration::zero();
    const auto tick = news == News::Later ? Millis{0} : kTick;  // they were told to wait
    const auto wait = gathers ? std::chrono::ceil<Millis>(left) : tick;
    std::vector<pollfd> polled{{listener_.get(), POLLIN, 0},
                               {gathers ? -1 : wake_.get(), POLLIN, 0}};
    for (const auto& connection : connections_) {
      const auto writes = connection.session.pending().empty() ? 0 : POLLOUT;
      polled.push_back({connection.fd.get(), static_cast<short>(POLLIN | writes), 0});
    }
    if (::poll(polled.data(), polled.size(), static_cast<int>(wait.count())) < 0) continue;
    const auto now = SteadyClock::now();
    news = now < gathers_until ? News::Later : News::Now;
    eventfd_t count = 0;
    if (news == News::Now) ::eventfd_read(wake_.get(), &count);
    auto events = polled.begin() + 2;
    bool sent = false;
    for (auto& connection : connections_) sent |= turn(connection, (events++)->revents, news);
    if (sent && !somebody_is_behind()) gathers_until = now + kGather;
    std::erase_if(connections_, [](const Connection& one) { return !one.fd.valid(); });
    if (polled.front().revents != 0) let_in();
    show();
  }
}

// Who has not been given all there is yet is not made to wait.
bool Relay::somebody_is_behind() const {
  const auto held = shelf_->held();
  return held && std::ranges::any_of(connections_, [&](const Connection& connection) {
           const auto& view = connection.session.view();
           return view.streaming && !view.held && view.sent < held->end;
         });
}

void Relay::let_in() {
  runtime::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid() || connections_.size() >= kStandbysMax || !may_come_in(fd.get())) return;
  connections_.push_back(
      {std::move(fd), RelaySession(*shelf_, options_.system_id, SteadyClock::now())});
}

bool Relay::may_come_in(int fd) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  struct stat directory{};
  if (::stat(options_.directory.c_str(), &directory) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid() || peer.uid == directory.st_uid) return true;
  log_warning("a stranger asked for the archive's WAL", {{"uid", peer.uid}, {"pid", peer.pid}});
  return false;
}

// Whether it was given more WAL.
bool Relay::turn(Connection& connection, short events, News news) {
  auto& session = connection.session;
  const auto now = SteadyClock::now();
  const auto before = session.view().sent;
  bool open = true;
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
    open = read_all(connection.fd.get(), session, now);
  if (open && news == News::Now) session.pump(now);
  open = open && write_all(connection.fd.get(), session);
  if (!open || (session.ended() && session.pending().empty())) connection.fd.reset();
  note_refusal(session.view());
  return session.view().sent != before;
}

// Kept until the standby of that name streams: it comes again and again, and is gone in between.
void Relay::note_refusal(const StandbyView& view) {
  if (view.streaming && !view.refusal) refused_.erase(view.application_name);
  if (!view.refusal || refused_.size() >= kStandbysMax) return;
  const auto before = refused_.find(view.application_name);
  if (before == refused_.end() || before->second.refusal->message() != view.refusal->message())
    log_warning("a standby is refused",
                {{"standby", view.application_name}, {"why", view.refusal->message()}});
  refused_[view.application_name] = view;
  refused_[view.application_name].streaming = false;
}

void Relay::show() {
  std::vector<StandbyView> views;
  for (const auto& connection : connections_) views.push_back(connection.session.view());
  for (const auto& [name, view] : refused_) views.push_back(view);
  const std::scoped_lock lock(mutex_);
  views_ = std::move(views);
}

}  // namespace pgkeel::shadow
