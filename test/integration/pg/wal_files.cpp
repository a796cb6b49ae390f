// See wal_files.hpp.
#include "integration/pg/wal_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "integration/pg/majors.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::test {
namespace {

constexpr std::size_t kPiece = 100'000;  // as bytes come from a network: in no order of pages

// From the segment `from` is in, up to `to`.
std::string wal_between(const PostgresServer& server, const pg::WalFormat& format,
                        const WalRange& range) {
  std::string bytes;
  for (auto at = range.from; at < range.to;) {
    const auto segment = pg::segment_of(TimelineId(1), at, format.segment_bytes);
    auto file =
        read_file(server.data_dir() / "pg_wal" / pg::segment_name(segment, format.segment_bytes));
    const auto begin = at.value - segment.start(format.segment_bytes).value;
    const auto end = std::min(range.to, segment.end(format.segment_bytes));
    bytes += file.substr(begin, end.value - at.value);
    at = end;
  }
  return bytes;
}

}  // namespace

Lsn wal_position(const PostgresServer& server) {
  return *parse_lsn(server.rows("select pg_current_wal_insert_lsn()").front().front().value());
}

Lsn flushed_position(PostgresServer& server) {
  server.query("select pg_logical_emit_message(false, 'end', '')");
  server.query("checkpoint");
  return wal_position(server);
}

Lsn for_each_record(const PostgresServer& server, int major, const WalRange& range,
                    const std::function<void(const pg::WalRecord&)>& take) {
  const pg::WalFormat format{major, pg::kDefaultWalSegmentBytes};
  const auto wal = wal_between(server, format, range);
  const auto bytes = std::as_bytes(std::span(wal));
  pg::WalReader reader(format, range.from);
  for (std::size_t done = 0; done < bytes.size(); done += kPiece) {
    reader.feed(bytes.subspan(done, std::min(kPiece, bytes.size() - done)));
    while (true) {
      const auto record = reader.next();
      EXPECT_TRUE(record.has_value()) << record.error().message();
      if (!record || !*record) break;
      take(**record);
    }
  }
  return reader.position();
}

}  // namespace pgkeel::test
