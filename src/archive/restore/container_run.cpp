// A copy's server in a container: its directories at the same paths inside as outside, no network,
// the account that owns the copy. See server_run.hpp.
// What the image has is little (a shell, its server), so orders go through a pipe that a script
// reads as the container's first process: "stop" is a fast shutdown, and when the pipe's end
// closes, because we let go or were killed, the server is ended at once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <thread>

#include <fmt/format.h>

#include "archive/restore/own_container.hpp"
#include "archive/restore/server_run.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKind = "copy";
constexpr const char* kScript = "serve.sh";
constexpr const char* kOrders = "orders";
constexpr const char* kEnded = "ended";
constexpr Millis kLookEvery{50};
constexpr Seconds kAskEvery{2};      // the engine, whether the container still runs
constexpr Seconds kEndPatience{20};  // of a server told to end at once
constexpr std::size_t kEndedBytesMax = 16;

// Debian's packages and their images, Alpine's, and what an image says itself.
constexpr std::string_view kServe = R"sh(#!/bin/sh
# Made by pgkeel. The server of a copy, until it is told to stop or nobody holds the pipe any more.
work=$1 major=$2
shift 2
PATH=$PATH:/usr/lib/postgresql/$major/bin:/usr/local/bin:/usr/libexec/postgresql$major
# Opened both ways first, so that opening it to read does not wait for somebody who is gone.
exec 3<>"$work/orders" 4<"$work/orders" 3>&-
postgres "$@" >>"$work/server.log" 2>&1 4<&- &
server=$!
trap 'kill -INT $server' INT TERM
{
  while read -r order <&4; do kill -INT $server; done
  # A server that has only begun does not hear it yet.
  while kill -QUIT $server; do sleep 1; done 2>/dev/null
} &
exec 4<&-
while :; do
  wait $server
  code=$?
  kill -0 $server 2>/dev/null || break
done
echo $code >"$work/ended.new"
mv "$work/ended.new" "$work/ended"
)sh";

std::vector<instance::ContainerMount> mounts_of(const ServerRunPlan& plan) {
  std::set<fs::path> directories(plan.others.begin(), plan.others.end());
  const auto inside = plan.work_dir.lexically_relative(plan.data_dir);
  if (inside.empty() || inside.native().starts_with("..")) directories.insert(plan.work_dir);
  std::vector<instance::ContainerMount> mounts{same_place(plan.data_dir)};
  for (const auto& directory : directories) mounts.push_back(same_place(directory));
  return mounts;
}

instance::NewContainer container_of(const ServerImage& image, const ServerRunPlan& plan) {
  instance::NewContainer made;
  made.image = image.image;
  made.command = {"/bin/sh", (plan.work_dir / kScript).string(), plan.work_dir.string(),
                  std::to_string(image.major)};
  made.command.insert(made.command.end(), plan.arguments.begin(), plan.arguments.end());
  made.user = plan.account ? fmt::format("{}:{}", plan.account->uid, plan.account->gid)
                           : fmt::format("{}:{}", ::geteuid(), ::getegid());
  made.network = "none";
  made.mounts = mounts_of(plan);
  return made;
}

class ContainerRun final : public ServerRun {
 public:
  ContainerRun(const ServerImage& image, ServerRunPlan plan)
      : plan_(std::move(plan)), container_(image.engine_socket, kKind, plan_.data_dir) {}
  ~ContainerRun() override;
  ContainerRun(const ContainerRun&) = delete;
  ContainerRun& operator=(const ContainerRun&) = delete;

  Result<void> start(const ServerImage& image);
  bool alive() override;
  Result<bool> stop(Seconds patience) override;

 private:
  Result<void> set_up();
  [[nodiscard]] std::optional<int> ended() const;
  bool await_end(Seconds patience);

  ServerRunPlan plan_;
  OwnContainer container_;
  runtime::Fd orders_;
  SteadyTime asked_{};
};

ContainerRun::~ContainerRun() {
  if (!container_.started()) return;
  orders_ = runtime::Fd();
  if (!await_end(kEndPatience)) container_.kill();
}

// The pipe is kept open for both: opening it never waits, and it ends when we let go of it.
Result<void> ContainerRun::set_up() {
  const auto orders = plan_.work_dir / kOrders;
  std::error_code error;
  fs::remove(orders, error);
  fs::remove(plan_.work_dir / kEnded, error);
  if (::mkfifo(orders.c_str(), 0600) != 0) return fail_errno(errno, "make " + orders.string());
  if (plan_.account && ::chown(orders.c_str(), plan_.account->uid, plan_.account->gid) != 0)
    return fail_errno(errno, "give " + orders.string() + " to " + plan_.account->name);
  orders_ = runtime::Fd(::open(orders.c_str(), O_RDWR | O_CLOEXEC));
  if (!orders_.valid()) return fail_errno(errno, "open " + orders.string());
  return runtime::write_file_atomic(plan_.work_dir / kScript, kServe,
                                    {.mode = 0600, .owner = plan_.account});
}

Result<void> ContainerRun::start(const ServerImage& image) {
  TRY_VOID(set_up());
  TRY_VOID(container_.start(container_of(image, plan_)));
  asked_ = SteadyClock::now();
  return {};
}

std::optional<int> ContainerRun::ended() const {
  const auto text = runtime::read_file(plan_.work_dir / kEnded, kEndedBytesMax);
  if (!text) return std::nullopt;
  return std::atoi(text->c_str());
}

bool ContainerRun::alive() {
  if (!container_.started() || ended()) return false;
  if (SteadyClock::now() - asked_ < kAskEvery) return true;
  asked_ = SteadyClock::now();
  return container_.runs();
}

bool ContainerRun::await_end(Seconds patience) {
  const auto until = SteadyClock::now() + patience;
  while (alive()) {
    if (SteadyClock::now() > until) return false;
    std::this_thread::sleep_for(kLookEvery);
  }
  return true;
}

Result<bool> ContainerRun::stop(Seconds patience) {
  constexpr std::string_view kStop = "stop\n";
  if (::write(orders_.get(), kStop.data(), kStop.size()) < 0)
    return fail_errno(errno, "tell the copy's server to stop");
  if (!await_end(patience))
    return fail(ErrorCode::TimedOut,
                fmt::format("the copy's server did not stop within {}", humane_duration(patience)));
  return ended() == 0;
}

}  // namespace

Result<std::unique_ptr<ServerRun>> run_in_image(const ServerImage& image,
                                                const ServerRunPlan& plan) {
  auto run = std::make_unique<ContainerRun>(image, plan);
  TRY_VOID(run->start(image));
  return run;
}

}  // namespace pgkeel::archive
