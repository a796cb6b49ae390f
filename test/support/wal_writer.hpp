// WAL as a server would write it, made in memory: records with their checksums and links, over
// pages and segments.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/crc32c.hpp"
#include "pg/wal/format.hpp"

namespace pgkeel::test {

inline constexpr pg::WalFormat kMadeWal{15, 1U << 20U};

/// Writes it page by page.
class WalWriter {
 public:
  explicit WalWriter(Lsn at) : at_(at.value) {}

  Lsn add(std::size_t body_bytes, std::uint8_t manager = 10, std::uint8_t info = 0) {
    return add(std::vector<std::byte>(body_bytes, std::byte{0x5A}), manager, info);
  }
  Lsn add(const std::vector<std::byte>& body, std::uint8_t manager, std::uint8_t info) {
    if (at_ % pg::kWalPageBytes == 0) begin_page(0, 0);
    const auto start = at_;
    auto record = record_of(body, manager, info);
    for (std::size_t done = 0; done < record.size();) {
      if (at_ % pg::kWalPageBytes == 0)
        begin_page(1, static_cast<std::uint32_t>(record.size() - done));
      const auto bytes =
          std::min<std::size_t>(record.size() - done, pg::kWalPageBytes - at_ % pg::kWalPageBytes);
      put(ByteSpan(record).subspan(done, bytes));
      done += bytes;
    }
    while (at_ % 8 != 0) put_number(std::uint8_t(0));
    last_ = start;
    return Lsn(start);
  }
  // As after a crash: what the page before left open is given up.
  void give_up() {
    fill(pg::kWalPageBytes);
    begin_page(8, 0);
  }
  /// With zeros, to a multiple of `unit`.
  void fill(std::uint64_t unit) {
    while (at_ % unit != 0) put_number(std::uint8_t(0));
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  [[nodiscard]] Lsn at() const { return Lsn(at_); }

 private:
  std::vector<std::byte> record_of(const std::vector<std::byte>& body, std::uint8_t manager,
                                   std::uint8_t info) {
    const auto total = static_cast<std::uint32_t>(pg::kWalRecordHeaderBytes + body.size());
    std::vector<std::byte> record(pg::kWalRecordHeaderBytes);
    record.insert(record.end(), body.begin(), body.end());
    const std::uint32_t xid = 700;
    std::memcpy(&record[0], &total, 4);
    std::memcpy(&record[4], &xid, 4);
    std::memcpy(&record[8], &last_, 8);
    record[16] = std::byte(info);
    record[17] = std::byte(manager);
    record[18] = record[19] = std::byte{0};
    Crc32c crc;
    crc.update(ByteSpan(record).subspan(pg::kWalRecordHeaderBytes));
    crc.update(ByteSpan(record).first(20));
    const auto value = crc.value();
    std::memcpy(&record[20], &value, 4);
    return record;
  }
  void begin_page(std::uint16_t flags, std::uint32_t rest) {
    const bool first = at_ % kMadeWal.segment_bytes == 0;
    const auto address = at_;
    put_number(pg::wal_magic_of(kMadeWal.major));
    put_number(static_cast<std::uint16_t>(flags | (first ? 2U : 0U)));
    put_number(std::uint32_t(1));
    put_number(address);
    put_number(rest);
    put_number(std::uint32_t(0));
    if (!first) return;
    put_number(std::uint64_t(42));
    put_number(static_cast<std::uint32_t>(kMadeWal.segment_bytes));
    put_number(static_cast<std::uint32_t>(pg::kWalPageBytes));
  }
  template <class Number>
  void put_number(Number number) {
    put(std::as_bytes(std::span(&number, 1)));
  }
  void put(ByteSpan bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    at_ += bytes.size();
  }

  std::uint64_t at_;
  std::uint64_t last_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace pgkeel::test
