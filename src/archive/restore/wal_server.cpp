// See wal_server.hpp.
#include "archive/restore/wal_server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAhead = 6;  // segments; 96 MiB of disk at the usual size
constexpr std::size_t kLineBytesMax = 4096;
constexpr Millis kLinePatience{10'000};  // for a client's one line
constexpr int kBacklog = 8;

Result<sockaddr_un> address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path)
    return fail(ErrorCode::Refused, "the path of the socket is too long: " + text);
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

// Up to the line's end; empty when the other side went away or is too slow.
std::string read_line(int fd) {
  std::string line;
  std::array<char, 512> buffer{};
  while (line.size() < kLineBytesMax) {
    pollfd polled{fd, POLLIN, 0};
    if (::poll(&polled, 1, static_cast<int>(kLinePatience.count())) <= 0) return {};
    const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return {};
    line.append(buffer.data(), static_cast<std::size_t>(got));
    if (line.ends_with('\n')) return line.substr(0, line.size() - 1);
  }
  return {};
}

void write_line(int fd, std::string line) {
  line += '\n';
  static_cast<void>(::send(fd, line.data(), line.size(), MSG_NOSIGNAL));
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text.substr(0, kLineBytesMax / 2);
}

}  // namespace

WalServer::WalServer(WalSource source, fs::path directory, std::optional<runtime::Account> owner,
                     std::uint64_t segment_bytes)
    : source_(std::move(source)),
      directory_(std::move(directory)),
      owner_(std::move(owner)),
      segment_bytes_(segment_bytes) {}

Result<std::unique_ptr<WalServer>> WalServer::start(WalSource source, const fs::path& directory,
                                                    std::optional<runtime::Account> owner,
                                                    std::uint64_t segment_bytes) {
  std::unique_ptr<WalServer> server(
      new WalServer(std::move(source), directory, std::move(owner), segment_bytes));
  TRY_VOID(server->listen());
  auto* self = server.get();
  self->threads_.emplace_back([self](const std::stop_token& stop) { self->serve(stop); });
  self->threads_.emplace_back([self](const std::stop_token& stop) { self->fetch_ahead(stop); });
  return server;
}

WalServer::~WalServer() {
  for (auto& thread : threads_) thread.request_stop();
  if (wake_.valid()) ::eventfd_write(wake_.get(), 1);
  changed_.notify_all();
}

fs::path WalServer::socket() const { return directory_ / "wal.sock"; }
fs::path WalServer::path_of(const std::string& name) const { return directory_ / name; }

std::string WalServer::last_asked() {
  const std::scoped_lock lock(mutex_);
  return last_asked_;
}

std::optional<Error> WalServer::failure() {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

Result<void> WalServer::listen() {
  wake_ = runtime::Fd(::eventfd(0, EFD_CLOEXEC));
  listener_ = runtime::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!wake_.valid() || !listener_.valid()) return fail_errno(errno, "make a socket");
  TRY(address, address_of(socket()));
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), kBacklog) != 0)
    return fail_errno(errno, "listen at " + socket().string());
  if (owner_ && ::chown(socket().c_str(), owner_->uid, owner_->gid) != 0)
    return fail_errno(errno, "give " + socket().string() + " to " + owner_->name);
  return {};
}

void WalServer::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> polled{{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents == 0) continue;
    const runtime::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.valid()) answer(client.get());
  }
}

void WalServer::answer(int client) {
  const std::string name = read_line(client);
  if (!name.empty()) write_line(client, answer_to(name));
}

std::string WalServer::answer_to(const std::string& name) {
  {
    const std::scoped_lock lock(mutex_);
    if (pg::parse_segment_name(name, segment_bytes_)) last_asked_ = name;
  }
  const auto taken = take(name);
  if (!taken) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = taken.error();
    return "error " + one_line(taken.error().message());
  }
  if (*taken == Fetched::NotThere) return "none";
  ++given_;
  plan_ahead(name);
  return "file " + path_of(name).string();
}

// What was fetched ahead, or is being fetched, else fetched now. That there was no such segment a
// moment ago is asked again: the receiver may have gone on.
Result<Fetched> WalServer::take(const std::string& name) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      const auto found = ahead_.find(name);
      return found == ahead_.end() || found->second != Ahead::Fetching;
    });
    std::erase(wanted_, name);
    const auto found = ahead_.find(name);
    const bool there = found != ahead_.end() && found->second == Ahead::There;
    if (found != ahead_.end()) ahead_.erase(found);
    if (there) return Fetched::Yes;
  }
  return fetch(name);
}

Result<Fetched> WalServer::fetch(const std::string& name) {
  const auto path = path_of(name);
  TRY(fetched, source_.fetch(name, path));
  if (fetched == Fetched::Yes && owner_ && ::chown(path.c_str(), owner_->uid, owner_->gid) != 0)
    return fail_errno(errno, "give " + path.string() + " to " + owner_->name);
  return fetched;
}

void WalServer::plan_ahead(const std::string& name) {
  auto segment = pg::parse_segment_name(name, segment_bytes_);
  if (!segment) return;
  const std::scoped_lock lock(mutex_);
  wanted_.clear();
  for (std::size_t i = 0; i < kAhead; ++i) {
    segment = segment->next();
    auto next = pg::segment_name(*segment, segment_bytes_);
    if (!ahead_.contains(next)) wanted_.push_back(std::move(next));
  }
  changed_.notify_all();
}

void WalServer::fetch_ahead(const std::stop_token& stop) {
  while (true) {
    std::string name;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return !wanted_.empty(); })) return;
      name = wanted_.front();
      wanted_.erase(wanted_.begin());
      ahead_[name] = Ahead::Fetching;
    }
    const auto fetched = fetch(name);
    const std::scoped_lock lock(mutex_);
    const bool there = fetched && *fetched == Fetched::Yes;
    // An error is not kept: whoever really needs the segment asks again and is told.
    if (there) ahead_[name] = Ahead::There;
    else ahead_.erase(name);
    if (!there) wanted_.clear();
    changed_.notify_all();
  }
}

Result<std::string> ask_wal_server(const fs::path& socket, std::string_view name) {
  TRY(address, address_of(socket));
  const runtime::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(errno, "make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, "ask " + socket.string());
  write_line(fd.get(), std::string(name));
  std::string answer;
  std::array<char, 512> buffer{};
  while (!answer.ends_with('\n')) {
    const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || answer.size() > kLineBytesMax)
      return fail(ErrorCode::Io, "no answer from " + socket.string());
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  answer.pop_back();
  return answer;
}

Result<Fetched> fetch_from_server(const fs::path& socket, std::string_view name,
                                  const fs::path& path) {
  TRY(answer, ask_wal_server(socket, name));
  if (answer == "none") return Fetched::NotThere;
  if (!answer.starts_with("file ")) return fail(ErrorCode::Failed, answer);
  const std::string file = answer.substr(std::string_view("file ").size());
  if (::rename(file.c_str(), path.c_str()) != 0) return fail_errno(errno, "take " + file);
  return Fetched::Yes;
}

}  // namespace pgkeel::archive
