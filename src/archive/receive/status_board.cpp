// See status_board.hpp.
#include "archive/receive/status_board.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

// Whole or not at all for a reader, but without fsync: what is lost with the machine is written
// again half a second later.
Result<void> replace_file(const std::filesystem::path& path, const std::string& content) {
  auto beside = path;
  beside += ".new";
  std::ofstream(beside, std::ios::trunc) << content << std::flush;
  std::error_code error;
  if (std::filesystem::file_size(beside, error) != content.size() || error)
    return fail(ErrorCode::Io, fmt::format("could not write {}", beside.native()));
  std::filesystem::rename(beside, path, error);
  if (error) return fail_errno(error.value(), fmt::format("rename {}", beside.native()));
  return {};
}

}  // namespace

StatusBoard::StatusBoard(std::filesystem::path file, ReceiveStatus status)
    : file_(std::move(file)), status_(std::move(status)) {
  writer_ = std::jthread([this](const std::stop_token& stop) { keep_writing(stop); });
}

StatusBoard::~StatusBoard() {
  writer_.request_stop();
  writer_.join();
  write_if_changed();
}

ReceiveStatus StatusBoard::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void StatusBoard::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
}

Result<void> StatusBoard::write_through() {
  auto now = status();
  now.written_at = wall_now();
  return runtime::write_file_atomic(file_, to_json(now));
}

void StatusBoard::keep_writing(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    write_if_changed();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, kWriteEvery, [] { return false; });
  }
}

void StatusBoard::write_if_changed() {
  ReceiveStatus now;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(changed_, false) || abandoned_) return;
    now = status_;
  }
  now.written_at = wall_now();
  const auto written = replace_file(file_, to_json(now));
  if (!written && !std::exchange(write_failed_, true))
    log_warning("the receiver's status cannot be written", {{"why", written.error().message()}});
  if (written) write_failed_ = false;
}

}  // namespace pgkeel::archive
