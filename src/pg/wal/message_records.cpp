// Messages and the server's own marks: src/include/replication/message.h, access/xlog_internal.h,
// catalog/pg_control.h.
#include "pg/wal/meanings.hpp"

namespace pgkeel::pg::wal {
namespace {

enum XlogOperation : std::uint8_t {
  ShutdownCheckpoint = 0x00,
  NamedPoint = 0x70,
  RecoveryEnd = 0x90,
};

std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

// The prefix is counted with its NUL.
WalMeaning message_record(const WalRecord& record, ByteReader& main) {
  if (record.operation() != 0) return {};
  LogicalMessage message;
  message.database = read_oid(main);
  message.transactional = main.read<std::uint8_t>() != 0;
  main.align(alignof(std::uint64_t));
  const auto prefix_bytes = main.read<std::uint64_t>();
  const auto content_bytes = main.read<std::uint64_t>();
  message.prefix = text_of(main.take(prefix_bytes));
  message.content = text_of(main.take(content_bytes));
  if (message.prefix.ends_with('\0')) message.prefix.remove_suffix(1);
  return message;
}

WalMeaning xlog_record(const WalRecord& record, ByteReader& main) {
  switch (record.operation()) {
    case ShutdownCheckpoint: return Shutdown{};
    case NamedPoint: {
      const auto at = read_time(main);
      return RestorePoint{at, read_text(main)};
    }
    case RecoveryEnd: {
      main.skip(sizeof(std::int64_t));
      const TimelineId timeline(main.read<std::uint32_t>());
      return EndOfRecovery{timeline, TimelineId(main.read<std::uint32_t>())};
    }
    default: return {};
  }
}

}  // namespace pgkeel::pg::wal
