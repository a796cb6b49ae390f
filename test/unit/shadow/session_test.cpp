// The relay's side of a conversation, message by message: what goes out, where it is cut, how a
// timeline ends. Real standbys are in test/integration/app/relay_test.cpp.
#include "shadow/relay/session.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "support/temp_dir.hpp"
#include "support/wal_writer.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::ElementsAre;

constexpr std::uint64_t kSegment = 1U << 20U;
constexpr Lsn kStart(4 * kSegment);
const auto kStartup = "\0\0\0\x21\0\3\0\0replication\0true\0user\0x\0\0"s;

struct Message {
  char type = 0;
  std::string body;
};

class Session : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name : {"store", "incoming", "cache"}) fs::create_directory(dir_ / name);
  }
  void keep(const std::string& name, const std::string& content) {
    std::ofstream(dir_ / "incoming" / name, std::ios::binary) << content;
  }
  // Three segments of records, of which each gets its own.
  void keep_segment(const std::string& name, std::size_t written = kSegment) {
    if (stream_.empty()) {
      test::WalWriter writer(kStart);
      while (writer.bytes().size() < 3 * kSegment) writer.add(5'000);
      stream_ = writer.bytes();
    }
    const auto number = std::stoul(name.substr(16, 8), nullptr, 16);
    const auto part = ByteSpan(stream_).subspan((number - 4) * kSegment, written);
    std::string content(reinterpret_cast<const char*>(part.data()), part.size());
    content.resize(kSegment);
    keep(name, content);
  }
  void open() {
    ShelfPlaces places;
    places.incoming = dir_ / "incoming";
    places.cache = dir_ / "cache";
    places.store.where = (dir_ / "store").string();
    places.segment_bytes = kSegment;
    auto shelf = Shelf::open(places);
    ASSERT_TRUE(shelf.has_value()) << shelf.error().message();
    shelf_ = std::move(*shelf);
    session_.emplace(*shelf_, SystemId(42), now_);
    say(kStartup);
    said();
  }
  void say(const std::string& bytes) { session_->receive(std::as_bytes(std::span(bytes)), now_); }
  void ask(const std::string& command) {
    std::string message = "Q";
    const auto length = static_cast<std::uint32_t>(command.size() + 5);
    for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(length >> shift);
    say(message + command + '\0');
  }
  // All that is pending, taken.
  std::vector<Message> said() {
    std::vector<Message> messages;
    const auto pending = session_->pending();
    ByteReader reader(pending);
    while (reader.remaining() > 0) {
      Message message;
      message.type = reader.read<char>();
      const auto body = reader.take(reader.read_be<std::uint32_t>() - 4);
      message.body.assign(reinterpret_cast<const char*>(body.data()), body.size());
      messages.push_back(std::move(message));
    }
    session_->sent(pending.size());
    return messages;
  }
  std::string types() {
    std::string text;
    for (const auto& message : said()) text += message.type;
    return text;
  }
  // Positions and lengths of the WAL that goes out.
  std::vector<std::pair<std::uint64_t, std::size_t>> wal() {
    std::vector<std::pair<std::uint64_t, std::size_t>> pieces;
    for (const auto& message : said()) {
      const auto body = std::as_bytes(std::span(message.body));
      const auto decoded = archive::decode_stream_message(body);
      if (message.type != 'd' || !decoded) continue;
      if (const auto* piece = std::get_if<archive::WalData>(&*decoded))
        pieces.emplace_back(piece->start.value, piece->bytes.size());
    }
    return pieces;
  }

  test::TempDir dir_;
  std::vector<std::byte> stream_;
  SteadyTime now_ = SteadyClock::now();
  std::unique_ptr<Shelf> shelf_;
  std::optional<RelaySession> session_;
};

TEST_F(Session, TellsWhoItIs) {
  // Goal: system identifier, timeline and the end of what is held, as text; before there is any
  // WAL a standby is asked to come again.
  ASSERT_NO_FATAL_FAILURE(open());
  ask("IDENTIFY_SYSTEM");
  EXPECT_EQ(types(), "EZ");
  shelf_->received(TimelineId(1), Lsn(0x400100));
  ask("IDENTIFY_SYSTEM;");
  const auto answer = said();
  ASSERT_EQ(answer.size(), 4U);
  EXPECT_EQ(answer[1].body,
            "\0\4\0\0\0\x02"
            "42\0\0\0\x01"
            "1\0\0\0\x08"
            "0/400100\xff\xff\xff\xff"s);
}

TEST_F(Session, CutsAtPagesAndEndsWhereTheServerEnded) {
  // Goal: the rule of walsender.c: a message is at most 128 KiB and ends with a page, or with what
  // the server ended with; nothing twice, nothing left out, and never a piece over two segments.
  keep_segment("000000010000000000000004");
  keep_segment("000000010000000000000005.partial", 1000);
  ASSERT_NO_FATAL_FAILURE(open());
  shelf_->received(TimelineId(1), Lsn(5 * kSegment + 1000));
  ask("START_REPLICATION 0/400000 TIMELINE 1");
  EXPECT_EQ(types(), "W");
  auto at = kStart.value;
  while (at < 5 * kSegment + 1000) {
    session_->pump(now_);
    ASSERT_FALSE(session_->ended());
    for (const auto& [start, bytes] : wal()) {
      EXPECT_EQ(start, at);
      EXPECT_LE(bytes, RelaySession::kMessageMax);
      at += bytes;
      EXPECT_TRUE(at % pg::kWalPageBytes == 0 || at == 5 * kSegment + 1000) << at;
    }
  }
  shelf_->received(TimelineId(1), Lsn(5 * kSegment + 1400));
  session_->pump(now_);
  EXPECT_THAT(wal(), ElementsAre(std::pair(5 * kSegment + 1000, std::size_t{400})));
}

TEST_F(Session, NeverHasMoreWaitingThanItMay) {
  // Goal: a standby that does not read costs a bounded amount of memory.
  keep_segment("000000010000000000000004");
  keep_segment("000000010000000000000005");
  ASSERT_NO_FATAL_FAILURE(open());
  ask("START_REPLICATION 0/400000 TIMELINE 1");
  std::uint64_t taken = 0;
  while (taken < 2 * kSegment) {  // some of it at a time, never all
    session_->pump(now_);
    ASSERT_LE(session_->pending().size(), RelaySession::kPendingMax);
    ASSERT_LE(session_->bytes_held(), RelaySession::kPendingMax + pg::wire::OutQueue::kSentMax);
    const auto part = std::min<std::size_t>(session_->pending().size(), 100'000);
    session_->sent(part);
    taken += part;
  }
}

TEST_F(Session, WaitsAheadOfWhatIsHeld) {
  // Goal: a start behind the end is answered and idle, with keepalives; asked, it answers at once.
  keep_segment("000000010000000000000004.partial", 0x100);
  ASSERT_NO_FATAL_FAILURE(open());
  shelf_->received(TimelineId(1), Lsn(0x400100));
  ask("START_REPLICATION 0/500000 TIMELINE 1");
  session_->pump(now_);
  EXPECT_EQ(types(), "W");
  session_->pump(now_ + RelaySession::kKeepaliveEvery);
  EXPECT_EQ(types(), "d");
  archive::StandbyStatus status;
  status.reply = archive::Reply::Asked;
  const auto body = archive::encode_standby_status(status);
  say("d\0\0\0\x26"s + std::string(reinterpret_cast<const char*>(body.data()), body.size()));
  EXPECT_EQ(types(), "d");
}

TEST_F(Session, NamesTheNextTimelineWhereOneWasLeft) {
  // Goal: WAL up to the switch, the end of the copy, then where it goes on, as a server tells it;
  // the next timeline streams from its own segment.
  keep_segment("000000010000000000000004.ended");
  keep_segment("000000020000000000000004.partial", 0x300);
  keep("00000002.history", "1\t0/400200\tno recovery target specified\n");
  ASSERT_NO_FATAL_FAILURE(open());
  shelf_->received(TimelineId(2), Lsn(0x400300));
  ask("START_REPLICATION 0/400000 TIMELINE 1");
  types();
  session_->pump(now_);
  const auto end = said();
  ASSERT_EQ(end.size(), 2U);
  EXPECT_EQ(end[0].body.size(), archive::kWalHeadBytes + 0x200);
  EXPECT_EQ(end[1].type, 'c');
  say("c\0\0\0\4"s);
  const auto next = said();
  ASSERT_EQ(next.size(), 5U);
  EXPECT_EQ(next[1].body,
            "\0\2\0\0\0\x01"
            "2\0\0\0\x08"
            "0/400200"s);
  ask("TIMELINE_HISTORY 2");
  EXPECT_EQ(types(), "TDCZ");
  ask("START_REPLICATION 0/400000 TIMELINE 2");
  types();
  session_->pump(now_);
  EXPECT_THAT(wal(), ElementsAre(std::pair(kStart.value, std::size_t{0x300})));
}

TEST_F(Session, GoesOnToATimelineThatBeginsMeanwhile) {
  // Goal: the archive follows a promoted server while a standby streams: it is led there too.
  keep_segment("000000010000000000000004.partial", 0x180);
  ASSERT_NO_FATAL_FAILURE(open());
  shelf_->received(TimelineId(1), Lsn(0x400100));
  ask("START_REPLICATION 0/400000 TIMELINE 1");
  session_->pump(now_);
  types();
  keep("00000002.history", "1\t0/400180\tno recovery target specified\n");
  shelf_->received(TimelineId(2), Lsn(0x400200));
  session_->pump(now_);
  const auto rest = said();
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0].body.size(), archive::kWalHeadBytes + 0x80);
  EXPECT_EQ(rest[1].type, 'c');
}

// As the server writes it: the main data's header, the tablespace's OID, where it is.
std::vector<std::byte> tablespace_body(std::string_view location) {
  std::vector<std::byte> body{std::byte{0xFF}, static_cast<std::byte>(location.size() + 5)};
  const std::uint32_t oid = 16400;
  for (const auto byte : std::as_bytes(std::span(&oid, 1))) body.push_back(byte);
  for (const auto byte : std::as_bytes(std::span(location))) body.push_back(byte);
  body.push_back(std::byte{0});
  return body;
}

class Unfit : public Session, public testing::WithParamInterface<std::size_t> {};

TEST_P(Unfit, ATablespaceIsNotGivenToAStandby) {
  // Goal: X2: wherever the record lies, over pages or over a segment's end, and however the
  // standby comes to it, nothing from its beginning on can be applied; it waits there, alive.
  constexpr std::uint8_t kTablespace = 5;
  test::WalWriter writer(kStart);
  while (writer.bytes().size() < GetParam()) writer.add(1);
  const auto unfit = writer.add(tablespace_body("/srv/fast"), kTablespace, 0);
  const auto end = writer.at();
  while (writer.bytes().size() < 2 * kSegment) writer.add(100);
  stream_ = writer.bytes();
  stream_.resize(3 * kSegment);
  keep_segment("000000010000000000000004");
  keep_segment("000000010000000000000005");
  ASSERT_NO_FATAL_FAILURE(open());
  for (const auto* from : {"0/400000", "0/500000"}) {
    SCOPED_TRACE(from);
    if (unfit < Lsn(0x500000) && end <= Lsn(0x500000) && from == std::string("0/500000")) continue;
    session_.emplace(*shelf_, SystemId(42), now_);
    say(kStartup);
    ask(fmt::format("START_REPLICATION {} TIMELINE 1", from));
    said();
    for (int i = 0; i < 10; ++i) {
      session_->pump(now_);
      for (const auto& [start, bytes] : wal()) EXPECT_LT(start + bytes, end.value);
    }
    ASSERT_TRUE(session_->view().held);
    EXPECT_EQ(session_->view().held->start, unfit);
    EXPECT_EQ(session_->view().held->what, "CREATE TABLESPACE 16400 at /srv/fast");
    session_->pump(now_ + RelaySession::kKeepaliveEvery);
    EXPECT_EQ(types(), "d");
  }
}

INSTANTIATE_TEST_SUITE_P(At, Unfit,
                         testing::Values(std::size_t{1}, pg::kWalPageBytes - 20,
                                         16 * pg::kWalPageBytes - 20, kSegment - 20, kSegment - 40,
                                         kSegment + 500));

TEST_F(Session, SaysWhatItDoesNotHave) {
  // Goal: WAL that is gone is 58P01, as a server says it, and the end of the session; a timeline
  // that leads nowhere is refused before anything streams; other commands are told what is known.
  keep_segment("000000010000000000000005");
  ASSERT_NO_FATAL_FAILURE(open());
  ask("START_REPLICATION 0/400000 TIMELINE 7");
  EXPECT_EQ(types(), "EZ");
  for (const auto* command : {"BASE_BACKUP", "START_REPLICATION SLOT \"x\" 0/0", "select 1", "",
                              "TIMELINE_HISTORY x", "START_REPLICATION 0/0 TIMELINE 1 2"}) {
    ask(command);
    const auto answer = said();
    ASSERT_EQ(answer.size(), 2U) << command;
    EXPECT_TRUE(answer[0].body.contains("C0A000")) << command;
  }
  ask("START_REPLICATION 0/400000 TIMELINE 1");
  EXPECT_EQ(types(), "W");
  session_->pump(now_);
  const auto answer = said();
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_TRUE(answer[0].body.contains("C58P01"));
  EXPECT_TRUE(session_->ended());
}

TEST(HeldWal, EndsBehindTheLastWholeRecord) {
  // Goal: what is cut off in a record, is damaged, or was never written does not count.
  test::WalWriter writer(kStart);
  writer.add(100);
  writer.add(20'000);
  const auto end = writer.at();
  writer.add(30'000);
  auto segment = writer.bytes();
  segment.resize(segment.size() - 100);
  segment.resize(kSegment);
  EXPECT_EQ(end_of_records(segment, kStart, kSegment), end);
  segment[end.value - kStart.value - 5] ^= std::byte{1};
  EXPECT_LT(end_of_records(segment, kStart, kSegment), end);
  EXPECT_EQ(end_of_records(std::vector<std::byte>(kSegment), kStart, kSegment), kStart);
}

}  // namespace
}  // namespace pgkeel::shadow
