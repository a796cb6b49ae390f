// See server_copy.hpp.
#include "archive/base_backup/server_copy.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

using Step = client::ReplicationSession::Step;

// The server first does a checkpoint as fast as its disk allows, which can take minutes.
constexpr Millis kCheckpointPatience{15 * 60'000};
// Between two messages: a throttled server sends some every second, a slow disk may stall.
constexpr Millis kSilenceMax{5 * 60'000};
// At the end it may wait for the WAL of a standby's primary to reach it.
constexpr Millis kEndPatience{10 * 60'000};
constexpr std::uint64_t kKb = 1024;

struct Position {
  Lsn lsn;
  TimelineId timeline;
};

Error out_of_step(std::string_view expected) {
  return {ErrorCode::Malformed,
          fmt::format("the server did not answer BASE_BACKUP with {}", expected)};
}

/// "base.tar", "16400.tar" -> "data", "tablespace-16400".
std::string part_of(std::string_view archive) {
  const auto stem = archive.substr(0, archive.rfind(".tar"));
  return stem == "base" ? "data" : fmt::format("tablespace-{}", stem);
}

template <class Number>
Result<Number> number_at(const client::TextRows& rows, std::size_t row, std::string_view column) {
  const auto* const text = rows.at(row, column);
  Number number{};
  if (text == nullptr ||
      std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
    return fail(out_of_step(column));
  return number;
}

class ServerCopy {
 public:
  ServerCopy(client::ReplicationSession& session, CopyReceiver& receiver)
      : session_(session), receiver_(receiver) {}

  Result<CopyFrame> run(const BackupCommand& command) {
    TRY_VOID(session_.send(base_backup_command(command, session_.major())));
    TRY(start, position(kCheckpointPatience));
    TRY_VOID(read_tablespaces());
    TRY_VOID(session_.major() < kOneCopyMajor ? read_copy_each() : read_one_copy());
    TRY_VOID(receiver_.copy_ends());
    TRY(stop, position(kEndPatience));
    TRY_VOID(expect(Step::Done, "its end", kEndPatience));
    frame_.timeline = start.timeline;
    frame_.start_lsn = start.lsn;
    frame_.stop_lsn = stop.lsn;
    if (stop.timeline == start.timeline) return std::move(frame_);
    return fail(Error(ErrorCode::Failed, fmt::format("the server went from timeline {} to {} "
                                                     "while it was read",
                                                     start.timeline.value, stop.timeline.value))
                    .with_hint("It was promoted meanwhile; make the backup again."));
  }

 private:
  Result<void> expect(Step wanted, std::string_view what, Millis limit) {
    TRY(step, session_.next(limit));
    if (step != wanted) return fail(out_of_step(what));
    return {};
  }

  Result<Position> position(Millis limit) {
    TRY_VOID(expect(Step::Rows, "a position", limit));
    const auto* const text = session_.rows().at(0, "recptr");
    if (text == nullptr) return fail(out_of_step("a position"));
    TRY(lsn, parse_lsn(*text));
    TRY(timeline, number_at<std::uint32_t>(session_.rows(), 0, "tli"));
    return Position{lsn, TimelineId(timeline)};
  }

  Result<void> read_tablespaces() {
    TRY_VOID(expect(Step::Rows, "its tablespaces", kSilenceMax));
    const auto& rows = session_.rows();
    std::uint64_t kilobytes = 0;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
      if (const auto size = number_at<std::uint64_t>(rows, row, "size")) kilobytes += *size;
      const bool data_directory = rows.at(row, "spcoid") == nullptr;
      parts_.emplace_back("data");
      if (data_directory) continue;
      TRY(oid, number_at<std::uint32_t>(rows, row, "spcoid"));
      const auto* const location = rows.at(row, "spclocation");
      if (location == nullptr) return fail(out_of_step("a tablespace's location"));
      frame_.tablespaces.push_back({Oid(oid), *location});
      parts_.back() = fmt::format("tablespace-{}", oid);
    }
    receiver_.copy_begins(kilobytes * kKb);
    return {};
  }

  // 13 and 14: a copy for each row of the list, then one of the manifest.
  Result<void> read_copy_each() {
    for (const auto& part : parts_) {
      TRY_VOID(expect(Step::CopyOut, "a copy", kSilenceMax));
      TRY_VOID(receiver_.archive_begins(part));
      TRY_VOID(read_raw());
    }
    TRY_VOID(expect(Step::CopyOut, "a copy of the manifest", kSilenceMax));
    TRY_VOID(receiver_.manifest_begins());
    return read_raw();
  }

  Result<void> read_raw() {
    while (true) {
      TRY(message, session_.read_copy(kSilenceMax));
      if (!message) return {};
      TRY_VOID(receiver_.content(*message));
    }
  }

  // The archives come in the list's order.
  Result<void> read_one_copy() {
    TRY_VOID(expect(Step::CopyOut, "a copy", kSilenceMax));
    while (true) {
      TRY(bytes, session_.read_copy(kSilenceMax));
      if (!bytes) break;
      TRY(message, parse_backup_message(*bytes));
      TRY_VOID(std::visit([this](const auto& each) { return take(each); }, message));
    }
    if (archives_ == parts_.size() && manifest_) return {};
    TRY_VOID(session_.next(kEndPatience));  // an error of the server ends the copy too
    return fail(out_of_step("every archive and a manifest"));
  }

  Result<void> take(const NewArchive& archive) {
    if (archives_ == parts_.size() || part_of(archive.name) != parts_[archives_])
      return fail(out_of_step("the archives it listed"));
    return receiver_.archive_begins(parts_[archives_++]);
  }
  Result<void> take(const NewManifest&) {
    manifest_ = true;
    return receiver_.manifest_begins();
  }
  Result<void> take(const Content& content) {
    if (archives_ == 0) return fail(out_of_step("an archive before its content"));
    return receiver_.content(content.bytes);
  }
  // Counted here from what comes, which all majors allow.
  Result<void> take(const Progress&) { return {}; }

  client::ReplicationSession& session_;
  CopyReceiver& receiver_;
  CopyFrame frame_;
  std::vector<std::string> parts_;
  std::size_t archives_ = 0;
  bool manifest_ = false;
};

}  // namespace

Result<CopyFrame> copy_from_server(client::ReplicationSession& session,
                                   const BackupCommand& command, CopyReceiver& receiver) {
  return ServerCopy(session, receiver).run(command);
}

}  // namespace pgkeel::archive
