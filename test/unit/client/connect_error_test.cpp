// Reading the SQLSTATE of a failed login back out of libpq's words.
#include "client/connect_error.hpp"

#include <gtest/gtest.h>

namespace pgkeel::client {
namespace {

TEST(ConnectErrorTest, ReadsTheCodeAndTheMessage) {
  // Goal: the verbose form yields the code and one clean line.
  const auto said = parse_connect_error(
      "connection to server at \"127.0.0.1\", port 9876 failed: FATAL:  3D000: database \"nope\" "
      "does not exist\nLOCATION:  InitPostgres, postinit.c:948\n");
  EXPECT_EQ(said.sqlstate, "3D000");
  EXPECT_EQ(said.detail, "database \"nope\" does not exist");
}

TEST(ConnectErrorTest, DoesNotDependOnTheLanguage) {
  // Goal: a localized severity and message change nothing.
  const auto said = parse_connect_error(
      "connection to server on socket \"/run/x\" failed: SCHWERWIEGEND:  57P03: das "
      "Datenbanksystem startet\nLOCATION:  ProcessStartupPacket, postmaster.c:2340\n");
  EXPECT_EQ(said.sqlstate, "57P03");
}

TEST(ConnectErrorTest, KeepsTheFirstOfSeveral) {
  // Goal: TLS refused and then plain refused: the first reason is the real one.
  const auto said = parse_connect_error(
      "connection to server at \"h\", port 1 failed: FATAL:  28P01: password authentication failed "
      "for user \"u\"\nconnection to server at \"h\", port 1 failed: FATAL:  28000: no pg_hba.conf "
      "entry\n");
  EXPECT_EQ(said.sqlstate, "28P01");
}

TEST(ConnectErrorTest, SilenceHasNoCode) {
  // Goal: what no server said gets no SQLSTATE.
  const auto said = parse_connect_error(
      "connection to server at \"127.0.0.1\", port 9877 failed: Connection refused\n\tIs the "
      "server "
      "running on that host and accepting TCP/IP connections?\n");
  EXPECT_EQ(said.sqlstate, "");
  EXPECT_EQ(said.detail,
            "connection to server at \"127.0.0.1\", port 9877 failed: Connection refused");
}

TEST(ConnectErrorTest, FallsBackOnKnownTexts) {
  // Goal: servers and poolers that send no code are still understood where the text is known.
  EXPECT_EQ(parse_connect_error("FATAL:  the database system is starting up\n").sqlstate, "57P03");
  EXPECT_EQ(parse_connect_error("FATAL:  sorry, too many clients already\n").sqlstate, "53300");
  EXPECT_EQ(parse_connect_error("FATAL:  no pg_hba.conf entry for host\n").sqlstate, "28000");
}

TEST(ConnectErrorTest, IsNotFooledByWhatLooksLikeACode) {
  // Goal: only the exact shape counts; five letters somewhere are not a code.
  EXPECT_EQ(parse_connect_error("error:  hello: world\n").sqlstate, "");
  EXPECT_EQ(parse_connect_error("error:  12345").sqlstate, "");
  EXPECT_EQ(parse_connect_error("").sqlstate, "");
}

}  // namespace
}  // namespace pgkeel::client
