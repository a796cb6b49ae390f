// The messages of a WAL stream.
#include "archive/receive/message.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace pgkeel::archive {
namespace {

void put_be(std::string& text, std::uint64_t number, int bytes = 8) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    text += static_cast<char>(number >> shift);
}

ByteSpan bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string wal_message(std::uint64_t start, std::string_view wal) {
  std::string message = "w";
  put_be(message, start);
  put_be(message, start + 4096);
  put_be(message, 86'400'000'000);  // 2000-01-02
  return message.append(wal);
}

TEST(StreamMessage, DecodesWal) {
  // Goal: position, the server's own position, its clock and the bytes.
  const auto text = wal_message(0x1000028, "abc");
  const auto message = decode_stream_message(bytes_of(text));
  ASSERT_TRUE(message);
  const auto& wal = std::get<WalData>(*message);
  EXPECT_EQ(wal.start, Lsn(0x1000028));
  EXPECT_EQ(wal.server_end, Lsn(0x1001028));
  EXPECT_EQ(to_iso8601(wal.sent_at), "2000-01-02T00:00:00.000Z");
  ASSERT_EQ(wal.bytes.size(), 3U);
  EXPECT_EQ(wal.bytes[0], std::byte{'a'});
}

TEST(StreamMessage, DecodesKeepalive) {
  // Goal: the request for a reply is seen.
  std::string text = "k";
  put_be(text, 0x2000000);
  put_be(text, 0);
  text += '\1';
  const auto message = decode_stream_message(bytes_of(text));
  ASSERT_TRUE(message);
  EXPECT_EQ(std::get<Keepalive>(*message).server_end, Lsn(0x2000000));
  EXPECT_EQ(std::get<Keepalive>(*message).reply, Reply::Asked);
}

TEST(StreamMessage, RefusesWhatIsNone) {
  // Goal: every cut of a header, another kind, and WAL behind the last position are Malformed.
  const auto whole = wal_message(0x1000000, "");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_stream_message(bytes_of(whole.substr(0, size)))) << size;
  EXPECT_FALSE(decode_stream_message(bytes_of("x" + whole.substr(1))));
  EXPECT_FALSE(decode_stream_message(bytes_of(wal_message(UINT64_MAX - 1, "abc"))));
}

TEST(StandbyStatus, HasTheServersForm) {
  // Goal: 'r', three positions, the clock in microseconds after 2000, the wish for a reply.
  StandbyStatus status;
  status.written = Lsn(0x0102030405060708);
  status.flushed = Lsn(2);
  status.applied = Lsn(3);
  status.sent_at = *parse_iso8601("2000-01-01T00:00:01Z");
  status.reply = Reply::Asked;
  std::string expected = "r";
  put_be(expected, 0x0102030405060708);
  put_be(expected, 2);
  put_be(expected, 3);
  put_be(expected, 1'000'000);
  expected += '\1';
  const auto message = encode_standby_status(status);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(message.data()), message.size()), expected);
}

}  // namespace
}  // namespace pgkeel::archive
