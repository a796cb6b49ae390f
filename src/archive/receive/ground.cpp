// See ground.hpp.
#include "archive/receive/ground.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

std::unexpected<Error> gone(std::string_view what, const std::filesystem::path& path) {
  return fail(
      Error(ErrorCode::NotFound,
            fmt::format("{} {} was removed under the receiver; it ends", what, path.native()))
          .with_hint("A guard that still runs starts another one; what was received and not "
                     "shipped yet is received again while the server keeps it."));
}

}  // namespace

Result<Ground::Place> Ground::place_of(const std::filesystem::path& path) {
  runtime::Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0)
    return fail_errno(errno, fmt::format("open {}", path.native()));
  return Place{path, std::move(fd), {status.st_dev, status.st_ino}};
}

Result<Ground> Ground::of(const std::filesystem::path& state_dir,
                          const std::filesystem::path& spool) {
  TRY(state, place_of(state_dir));
  TRY(incoming, place_of(spool));
  return Ground(std::move(state), std::move(incoming));
}

// A directory without a name has no links.
bool Ground::Place::removed() const {
  struct stat status{};
  return ::fstat(fd.get(), &status) == 0 && status.st_nlink == 0;
}

bool Ground::Place::leads_elsewhere() const {
  const auto now = runtime::inode_of(path);
  return !now || *now != inode;
}

Result<void> Ground::still_there() const {
  if (state_.removed() || state_.leads_elsewhere()) return gone("the state directory", state_.path);
  if (spool_.removed()) return gone("the spool", spool_.path);
  return {};
}

Result<void> Ground::firm() const {
  TRY_VOID(still_there());
  if (!spool_.leads_elsewhere()) return {};
  return fail(Error(ErrorCode::WrongState,
                    fmt::format("{} is not the directory it was", spool_.path.native()))
                  .with_hint("Is the archive's disk mounted? Receiving goes on by itself when it "
                             "is back; to begin in another one, end 'pgkeel receive'."));
}

}  // namespace pgkeel::archive
