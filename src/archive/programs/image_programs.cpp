// See image_programs.hpp.
#include "archive/programs/image_programs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include <fmt/format.h>

#include "archive/programs/pipes.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKind = "programs";
constexpr Millis kLookEvery{20};
constexpr Seconds kBeginPatience{60};  // of an engine on a busy machine
constexpr Seconds kAskEvery{2};        // the engine, whether the container still runs
constexpr Seconds kEndPatience{5};

// Pipes are opened both ways first, so that opening one never waits for somebody who is gone.
constexpr std::string_view kServe = R"sh(#!/bin/sh
# Made by pgkeel. Runs PostgreSQL's programs for it until nobody holds the pipe any more.
work=$1
# In front of wrappers that choose a version by themselves.
PATH=/usr/lib/postgresql/$2/bin:/usr/libexec/postgresql$2:$PATH:/usr/local/bin
for dir in /usr/lib/postgresql/*/bin /usr/libexec/postgresql*; do PATH=$PATH:$dir; done
export PATH
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGSERVICE PGOPTIONS PGAPPNAME PGPASSWORD PGDATA
cd /
exec 3<>"$work/orders" 4<"$work/orders" 3>&-
: >"$work/begun"
while read -r run <&4; do
  sh "$work/run.sh" "$work/$run" 4<&- &
done
rm -rf "${work:?}"/*
)sh";

constexpr std::string_view kRun = R"sh(#!/bin/sh
# Made by pgkeel. One program, until it ends or whoever wanted it is gone.
run=$1
exec 3<>"$run/held" 4<"$run/held" 3>&-
exec 3<>"$run/in" 5<"$run/in" 3>&-
exec 3<>"$run/out" 6>"$run/out" 3>&-
exec 3<>"$run/err" 7>"$run/err" 3>&-
exec 3<>"$run/done" 8>"$run/done" 3>&-
IFS= read -r PGPASSWORD <&4 || exit
if [ -n "$PGPASSWORD" ]; then export PGPASSWORD; else unset PGPASSWORD; fi
. "$run/words"
echo begun >&8
"$@" <&5 >&6 2>&7 4<&- 5<&- 6>&- 7>&- 8>&- &
program=$!
exec 5<&- 6>&- 7>&-
{ read -r _ <&4; kill $program; sleep 2; kill -9 $program; } 2>/dev/null 8>&- &
watch=$!
exec 4<&-
wait $program
code=$?
kill $watch 2>/dev/null
echo $code >&8
)sh";

// Both the socket's directory and plain files may be asked for.
instance::ContainerMount read_only_place(const fs::path& path) {
  auto mount = same_place(path);
  mount.writable = false;
  return mount;
}

instance::NewContainer container_of(const ImageProgramsPlan& plan) {
  instance::NewContainer made;
  made.image = plan.image.image;
  made.command = {"/bin/sh", (plan.work_dir / kServeScript).string(), plan.work_dir.string(),
                  std::to_string(plan.image.major)};
  made.user = plan.account ? fmt::format("{}:{}", plan.account->uid, plan.account->gid)
                           : fmt::format("{}:{}", ::geteuid(), ::getegid());
  made.network = plan.network == ImageProgramsPlan::Network::OfHost ? "host" : "none";
  bool has_work_dir = false;
  for (const auto& directory : plan.directories) {
    made.mounts.push_back(same_place(directory));
    const auto inside = plan.work_dir.lexically_relative(directory);
    if (!inside.empty() && !inside.native().starts_with("..")) has_work_dir = true;
  }
  if (!has_work_dir) made.mounts.push_back(same_place(plan.work_dir));
  for (const auto& path : plan.read_only) made.mounts.push_back(read_only_place(path));
  return made;
}

}  // namespace

std::vector<std::string> ProgramPlace::command(std::string_view program) const {
  if (via.empty()) return {(dir / program).string()};
  auto words = via;
  words.emplace_back(program);
  return words;
}

Result<void> make_pipe_in(const fs::path& directory, const char* name, const struct stat& owner) {
  const auto pipe = directory / name;
  if (::mkfifo(pipe.c_str(), 0600) != 0) return fail_errno(errno, "make " + pipe.string());
  if (owner.st_uid != ::geteuid() && ::chown(pipe.c_str(), owner.st_uid, owner.st_gid) != 0)
    return fail_errno(errno, "give " + pipe.string() + " to its owner");
  return {};
}

ImagePrograms::ImagePrograms(ImageProgramsPlan plan)
    : plan_(std::move(plan)), container_(plan_.image.engine_socket, kKind, plan_.work_dir) {}

ImagePrograms::~ImagePrograms() {
  if (!container_.started()) return;
  orders_ = runtime::Fd();
  const auto until = SteadyClock::now() + kEndPatience;
  while (container_.runs() && SteadyClock::now() < until) std::this_thread::sleep_for(kLookEvery);
  container_.kill();
  std::error_code error;
  fs::remove_all(plan_.work_dir, error);
}

// A killed job's container that hears of it late writes into the directory, or empties it, to the
// last: only when it is gone is the directory ours.
Result<void> ImagePrograms::end_earlier() {
  TRY_VOID(container_.clear_earlier());
  std::error_code error;
  for (fs::directory_iterator entry(plan_.work_dir, error), end; !error && entry != end;
       entry.increment(error))
    fs::remove_all(entry->path(), error);
  if (error) return fail_errno(error.value(), "empty " + plan_.work_dir.string());
  return {};
}

Result<void> ImagePrograms::set_up() {
  struct stat owner{};
  if (::stat(plan_.work_dir.c_str(), &owner) != 0)
    return fail_errno(errno, "look at " + plan_.work_dir.string());
  TRY_VOID(make_pipe_in(plan_.work_dir, kOrdersPipe, owner));
  const auto orders = plan_.work_dir / kOrdersPipe;
  orders_ = runtime::Fd(::open(orders.c_str(), O_RDWR | O_CLOEXEC));
  if (!orders_.valid()) return fail_errno(errno, "open " + orders.string());
  const runtime::FileMode mode{.mode = 0600, .owner = plan_.account};
  TRY_VOID(runtime::write_file_atomic(plan_.work_dir / kServeScript, kServe, mode));
  return runtime::write_file_atomic(plan_.work_dir / kRunScript, kRun, mode);
}

// From then on only the container reads the pipe: whoever writes into it learns that it is gone.
Result<void> ImagePrograms::await_begun() {
  const auto until = SteadyClock::now() + kBeginPatience;
  auto ask_at = SteadyClock::now() + kAskEvery;
  std::error_code error;
  while (!fs::exists(plan_.work_dir / kBegunFile, error)) {
    if (SteadyClock::now() > until)
      return fail(ErrorCode::TimedOut,
                  fmt::format("container {} did not begin within {}", container_.name(),
                              humane_duration(kBeginPatience)));
    if (SteadyClock::now() > ask_at) {
      ask_at = SteadyClock::now() + kAskEvery;
      if (!container_.runs())
        return fail(Error(ErrorCode::ChildFailed, "the container for client programs ended at once")
                        .with_hint("It needs a shell in the image, or the client programs on this "
                                   "machine (postgresql-client)."));
    }
    std::this_thread::sleep_for(kLookEvery);
  }
  const auto orders = plan_.work_dir / kOrdersPipe;
  runtime::Fd ours(::open(orders.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!ours.valid()) return fail_errno(errno, "open " + orders.string());
  orders_ = std::move(ours);
  return {};
}

Result<std::unique_ptr<ImagePrograms>> ImagePrograms::start(ImageProgramsPlan plan) {
  std::unique_ptr<ImagePrograms> made(new ImagePrograms(std::move(plan)));
  TRY_VOID(made->end_earlier());
  TRY_VOID(made->set_up());
  TRY_VOID(made->container_.start(container_of(made->plan_)));
  TRY_VOID(made->await_begun());
  return made;
}

ProgramPlace ImagePrograms::place() const {
  return {{}, {plan_.relay.string(), "in-image", plan_.work_dir.string()}};
}

}  // namespace pgkeel::archive
