// What a hot standby must know: src/include/storage/standbydefs.h.
#include "pg/wal/meanings.hpp"

namespace pgkeel::pg::wal {
namespace {

enum Operation : std::uint8_t { Lock = 0x00, Running = 0x10 };
constexpr std::size_t kLockBytes = 12;
constexpr std::size_t kXidBytes = 4;

StandbyLock read_lock(ByteReader& main) {
  StandbyLock lock;
  lock.xid = read_xid(main);
  lock.database = read_oid(main);
  lock.relation = read_oid(main);
  return lock;
}

RunningTransactions read_running(ByteReader& main) {
  RunningTransactions running;
  const std::int64_t top = main.read<std::int32_t>();
  const std::int64_t sub = main.read<std::int32_t>();
  running.complete = main.read<std::uint8_t>() == 0;
  main.align(alignof(std::uint32_t));
  running.next = read_xid(main);
  running.oldest_running = read_xid(main);
  main.skip(sizeof(std::uint32_t));  // the latest that has ended
  running.running = read_many(main, top + sub, kXidBytes, read_xid);
  return running;
}

}  // namespace

WalMeaning standby_record(const WalRecord& record, ByteReader& main) {
  switch (record.operation()) {
    case Lock: {
      const auto count = main.read<std::int32_t>();
      return StandbyLocks{read_many(main, count, kLockBytes, read_lock)};
    }
    case Running: return read_running(main);
    default: return {};
  }
}

}  // namespace pgkeel::pg::wal
