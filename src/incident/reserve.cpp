// See reserve.hpp. Best effort throughout: without a reserve everything works as on any full disk.
#include "incident/reserve.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::incident {
namespace {

constexpr const char* kReserveName = "reserve";

}  // namespace

void keep_reserve(const std::filesystem::path& state_dir) {
  const auto path = state_dir / kReserveName;
  const auto space = runtime::disk_space(state_dir);
  if (!space || space->bytes_free < kReserveLeavesBytes) return;
  const runtime::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return;  // mostly: it is there
  if (::posix_fallocate(fd.get(), 0, kReserveBytes) != 0) ::unlink(path.c_str());
}

bool release_reserve(const std::filesystem::path& state_dir) {
  if (::unlink((state_dir / kReserveName).c_str()) != 0) return false;
  log_warning("disk full; the space kept for the journal is given up",
              {{"state_dir", state_dir.string()}});
  return true;
}

}  // namespace pgkeel::incident
