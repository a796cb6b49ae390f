// What two gateways say to each other, and the sockets that go along with it, over a real socket.
#include "app/gateway/takeover_message.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>

#include "base/check.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

using Kind = TakeoverMessage::Kind;

struct Line {
  Line() {
    std::array<int, 2> made{};
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, made.data()) ==
          0);
    one = runtime::Fd(made[0]);
    other = runtime::Fd(made[1]);
  }
  runtime::Fd one, other;
};

TEST(TakeoverMessage, IsReadAsItWasSaid) {
  // Goal: numbers and a key of any bytes arrive; each message is one datagram.
  const Line line;
  const std::string key("\x00\xff\n9", 4);
  ASSERT_TRUE(send_takeover(line.one.get(), {Kind::Cancel, 7, 0x8000'0001, key}));
  ASSERT_TRUE(send_takeover(line.one.get(), {.kind = Kind::Ready}));
  const auto first = receive_takeover(line.other.get());
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->message.kind, Kind::Cancel);
  EXPECT_EQ((*first)->message.number, 7U);
  EXPECT_EQ((*first)->message.process_id, 0x8000'0001U);
  EXPECT_EQ((*first)->message.text, key);
  const auto second = receive_takeover(line.other.get());
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->message.kind, Kind::Ready);
}

TEST(TakeoverMessage, DescriptorsArriveAndAreNotLeftToPrograms) {
  // Goal: the same open files, in their order, closed in what is started later.
  const Line line;
  const Line passed;
  const std::array<int, 2> given = {passed.one.get(), passed.other.get()};
  ASSERT_TRUE(send_takeover(line.one.get(), {.kind = Kind::Front, .text = "x"}, given));
  auto received = receive_takeover(line.other.get());
  ASSERT_TRUE(received && *received);
  const auto& descriptors = (*received)->descriptors;
  ASSERT_EQ(descriptors.size(), 2U);
  for (std::size_t at = 0; at < 2; ++at) {
    EXPECT_EQ(runtime::inode_of("/proc/self/fd/" + std::to_string(descriptors[at].get())).value(),
              runtime::inode_of("/proc/self/fd/" + std::to_string(given[at])).value());
    EXPECT_NE(::fcntl(descriptors[at].get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(TakeoverMessage, NothingYetIsNoErrorAndAnEndIs) {
  // Goal: who waits in a loop sees the difference.
  Line line;
  const auto nothing = receive_takeover(line.other.get());
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  line.one.reset();
  const auto ended = receive_takeover(line.other.get());
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::ConnectionFailed);
}

TEST(TakeoverMessage, WhatIsNoMessageIsRefused) {
  // Goal: too short, of no kind, too long: an error, and nothing taken for a message.
  const Line line;
  for (const auto& bytes : {std::string("R"), std::string(9, 'z'), std::string(2000, 'F')}) {
    ASSERT_GT(::send(line.one.get(), bytes.data(), bytes.size(), 0), 0);
    const auto received = receive_takeover(line.other.get());
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().code, ErrorCode::Malformed);
  }
  const std::string too_long(kTakeoverBytesMost, 'k');
  EXPECT_FALSE(send_takeover(line.one.get(), {.kind = Kind::Cancel, .text = too_long}));
}

}  // namespace
}  // namespace pgkeel::app
