// A copy's server in a container: its directories at the same paths inside as outside, no network,
// the account that owns the copy. See server_run.hpp.
// What the image has is little (a shell, its server), so orders go through a pipe that a script
// reads as the container's first process: "stop" is a fast shutdown, and when the pipe's end
// closes, because we let go or were killed, the server is ended at once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "archive/restore/server_run.hpp"
#include "base/log.hpp"
#include "instance/engine.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLabel = "io.pgkeel.copy";  // its value: the data directory
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

// One copy, one name: what an earlier run left of it is found.
std::string name_of(const fs::path& data_dir) {
  return fmt::format("pgkeel-copy-{:016x}", std::hash<std::string>{}(data_dir.string()));
}

instance::ContainerMount mount_of(const fs::path& directory) {
  return {.type = "bind", .name = {}, .source = directory, .destination = directory};
}

std::vector<instance::ContainerMount> mounts_of(const ServerRunPlan& plan) {
  std::set<fs::path> directories(plan.others.begin(), plan.others.end());
  const auto inside = plan.work_dir.lexically_relative(plan.data_dir);
  if (inside.empty() || inside.native().starts_with("..")) directories.insert(plan.work_dir);
  std::vector<instance::ContainerMount> mounts{mount_of(plan.data_dir)};
  for (const auto& directory : directories) mounts.push_back(mount_of(directory));
  return mounts;
}

instance::NewContainer container_of(const ServerImage& image, const ServerRunPlan& plan) {
  instance::NewContainer made;
  made.name = name_of(plan.data_dir);
  made.image = image.image;
  made.command = {"/bin/sh", (plan.work_dir / kScript).string(), plan.work_dir.string(),
                  std::to_string(image.major)};
  made.command.insert(made.command.end(), plan.arguments.begin(), plan.arguments.end());
  made.user = plan.account ? fmt::format("{}:{}", plan.account->uid, plan.account->gid)
                           : fmt::format("{}:{}", ::geteuid(), ::getegid());
  made.network = "none";
  made.removed_at_end = true;
  made.mounts = mounts_of(plan);
  made.labels = {{std::string(kLabel), plan.data_dir.string()}};
  return made;
}

class ContainerRun final : public ServerRun {
 public:
  ContainerRun(const ServerImage& image, ServerRunPlan plan)
      : engine_(loop_, image.engine_socket),
        plan_(std::move(plan)),
        name_(name_of(plan_.data_dir)) {}
  ~ContainerRun() override;
  ContainerRun(const ContainerRun&) = delete;
  ContainerRun& operator=(const ContainerRun&) = delete;

  Result<void> start(const ServerImage& image);
  bool alive() override;
  Result<bool> stop(Seconds patience) override;

 private:
  Result<void> set_up();
  Result<void> clear_earlier();
  [[nodiscard]] std::optional<int> ended() const;
  bool await_end(Seconds patience);
  template <typename T>
  Result<T> ask(runtime::Task<Result<T>> question) {
    return loop_.run_until_complete(std::move(question));
  }

  runtime::Loop loop_;
  instance::Engine engine_;
  ServerRunPlan plan_;
  std::string name_;
  std::string id_;  ///< empty: none runs
  runtime::Fd orders_;
  SteadyTime asked_{};
};

ContainerRun::~ContainerRun() {
  if (id_.empty()) return;
  orders_ = runtime::Fd();
  if (!await_end(kEndPatience)) static_cast<void>(ask(engine_.stop(id_, Seconds(0))));
  // The engine removes it by itself; one that does not is helped.
  static_cast<void>(ask(engine_.remove_container(id_)));
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

Result<void> ContainerRun::clear_earlier() {
  const auto found = ask(engine_.inspect(name_));
  if (!found && found.error().code == ErrorCode::NotFound) return {};
  if (!found) return fail(found.error());
  if (found->label(kLabel) != plan_.data_dir.string())
    return fail(Error(ErrorCode::Refused, fmt::format("container {} is not ours", name_))
                    .with_hint("Give that container another name."));
  if (found->running) TRY_VOID(ask(engine_.stop(found->id, Seconds(0))));
  return ask(engine_.remove_container(found->id));
}

Result<void> ContainerRun::start(const ServerImage& image) {
  TRY_VOID(set_up());
  TRY_VOID(clear_earlier());
  TRY(id, ask(engine_.create(container_of(image, plan_))));
  const auto begun = ask(engine_.start(id));
  if (!begun) {
    static_cast<void>(ask(engine_.remove_container(id)));
    return fail(begun.error());
  }
  id_ = id;
  asked_ = SteadyClock::now();
  log_debug("copy's server started", {{"container", name_}, {"image", image.image}});
  return {};
}

std::optional<int> ContainerRun::ended() const {
  const auto text = runtime::read_file(plan_.work_dir / kEnded, kEndedBytesMax);
  if (!text) return std::nullopt;
  return std::atoi(text->c_str());
}

bool ContainerRun::alive() {
  if (id_.empty() || ended()) return false;
  if (SteadyClock::now() - asked_ < kAskEvery) return true;
  asked_ = SteadyClock::now();
  const auto found = ask(engine_.inspect(id_));
  if (found) return found->running;
  return found.error().code != ErrorCode::NotFound;  // an engine that is away tells nothing
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
