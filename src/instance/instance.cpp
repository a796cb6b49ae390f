// The words for kinds and states, the same in log, CLI, API and docs; and what most kinds lack.
#include "instance/instance.hpp"

namespace pgkeel::instance {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Embedded: return "embedded";
    case Kind::Managed: return "managed";
    case Kind::Container: return "container";
    case Kind::Remote: return "remote";
  }
  return "unknown";
}

std::string_view to_string(LockState state) {
  switch (state) {
    case LockState::None: return "none";
    case LockState::Live: return "live";
    case LockState::Stale: return "stale";
    case LockState::Orphans: return "orphans";
    case LockState::Unclear: return "unclear";
  }
  return "unknown";
}

std::string_view to_string(DataDirState state) {
  switch (state) {
    case DataDirState::Present: return "present";
    case DataDirState::Missing: return "missing";
    case DataDirState::Empty: return "empty";
    case DataDirState::Incomplete: return "incomplete";
    case DataDirState::Unreadable: return "unreadable";
  }
  return "unknown";
}

runtime::Task<Result<void>> Instance::locate() { co_return Result<void>(); }
void Instance::assume_data_dir(std::filesystem::path /*data_dir*/) {}
runtime::Task<std::optional<HostingFacts>> Instance::inspect_hosting() { co_return std::nullopt; }
runtime::Task<Result<std::vector<std::filesystem::path>>> Instance::other_places() {
  co_return std::vector<std::filesystem::path>();
}
runtime::Task<Result<std::string>> Instance::keep_anchor() { co_return std::string(); }
runtime::Task<Result<void>> Instance::remove_anchor() { co_return Result<void>(); }
runtime::Task<Result<void>> Instance::raise_memory_limit(std::int64_t /*bytes*/) {
  co_return fail(ErrorCode::NotSupported, "it has no memory limit of its own");
}
runtime::Task<Result<std::optional<SecondServer>>> Instance::second_server() {
  co_return fail(ErrorCode::Refused, "which of two servers is the later one cannot be told here");
}
runtime::Task<Result<Restarter>> Instance::second_restarter(SecondServer /*second*/) {
  co_return fail(ErrorCode::NotSupported, "no engine runs it");
}
runtime::Task<Result<void>> Instance::hold_second(SecondServer /*second*/) {
  co_return fail(ErrorCode::NotSupported, "no engine runs it");
}
runtime::Task<Result<void>> Instance::kill_second(SecondServer /*second*/) {
  co_return fail(ErrorCode::NotSupported, "no engine runs it");
}
runtime::Task<Result<Restarter>> Instance::restarter() { co_return Restarter{}; }
runtime::Task<Result<void>> Instance::set_restarter(Restarter wanted) {
  if (wanted.kind == Restarter::Kind::None) co_return Result<void>();
  co_return fail(ErrorCode::NotSupported, "not of this instance: " + instance::describe(wanted));
}
runtime::Task<Result<EventStream>> Instance::events(std::optional<WallTime> /*since*/) {
  co_return fail(ErrorCode::NotSupported, "there is no engine that would tell");
}
runtime::Task<Result<int>> Instance::programs_major() { co_return 0; }
std::optional<pg::Conninfo> Instance::client_path() const { return std::nullopt; }
runtime::Task<std::optional<std::string>> Instance::recent_log() { co_return std::nullopt; }

}  // namespace pgkeel::instance
