// The answer about a user, as a server gives it.
#include "gateway/credentials/verifier_row.hpp"

#include <gtest/gtest.h>

#include "pg/wire/frame.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::Value;

Result<StoredRole> read(std::vector<Value> values) {
  pg::wire::ByteBuffer out;
  pg::wire::backend::append_data_row(out, values);
  const auto body = ByteSpan(out).subspan(pg::wire::kHeaderBytes);
  return read_verifier_row(pg::wire::backend::DataRow::decode(body).value());
}

constexpr std::string_view kMd5 = "md55f4dcc3b5aa765d61d8327deb882cf99";

TEST(VerifierRow, SaysWhoMayLogIn) {
  // Goal: CVE-2025-2291: a password whose time is over proves nobody, to the second.
  const auto at = [](std::int64_t seconds) { return WallTime{Seconds(seconds)}; };
  const auto role = read({kMd5, "1577836800", "t"}).value();
  EXPECT_TRUE(role.may_log_in(at(1'577'836'799)));
  EXPECT_FALSE(role.may_log_in(at(1'577'836'800)));
  EXPECT_TRUE(read({kMd5, std::nullopt, "t"})->may_log_in(at(4'000'000'000)));
  EXPECT_FALSE(read({kMd5, std::nullopt, "f"})->may_log_in(at(0)));
  EXPECT_FALSE(read({std::nullopt, std::nullopt, "t"})->may_log_in(at(0)));
  EXPECT_FALSE(read({kMd5, "0", "t"})->may_log_in(at(0)));
  EXPECT_TRUE(read({kMd5, "9223372036854775807", "t"})->may_log_in(at(4'000'000'000)));
}

TEST(VerifierRow, RefusesWhatWasNotAskedFor) {
  // Goal: other columns, other values; a verifier that is none is none.
  EXPECT_FALSE(read({kMd5, std::nullopt}).has_value());
  EXPECT_FALSE(read({kMd5, "soon", "t"}).has_value());
  EXPECT_FALSE(read({kMd5, "-1", "t"}).has_value());
  EXPECT_FALSE(read({kMd5, "99999999999999999999", "t"}).has_value());
  for (const Value& wrong : {Value("true"), Value(""), Value()})
    EXPECT_FALSE(read({kMd5, std::nullopt, wrong}).has_value());
  for (const auto* none : {"", "SCRAM-SHA-256$x", "secret"})
    EXPECT_FALSE(read({none, std::nullopt, "t"})->password.has_value()) << none;
}

}  // namespace
}  // namespace pgkeel::gateway
