// What SCRAM is computed from: verifiers, prepared passwords, base64; and MD5's answers.
#include "pg/scram/keys.hpp"

#include <gtest/gtest.h>

#include "pg/certificate.hpp"
#include "pg/password_answer.hpp"
#include "pg/scram/base64.hpp"
#include "pg/scram/saslprep.hpp"

namespace pgkeel::pg {
namespace {

using namespace std::string_literals;

// Of the password "pencil" and the salt of RFC 7677, computed with Python's hashlib and hmac.
constexpr std::string_view kPencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkd"
    "i4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(ScramVerifier, IsReadAndWritten) {
  // Goal: the same text comes back, and it is that of the password.
  const auto verifier = parse_scram_verifier(kPencil).value();
  EXPECT_EQ(verifier.iterations, 4096U);
  EXPECT_EQ(verifier.salt.size(), 16U);
  EXPECT_EQ(format_scram_verifier(verifier), kPencil);
  const auto keys = derive_scram_keys("pencil", verifier.salt, 4096).value();
  EXPECT_EQ(format_scram_verifier(scram_verifier_of(keys, verifier.salt, 4096)), kPencil);
}

TEST(ScramVerifier, RefusesWhatIsNone) {
  // Goal: hazard 6: lengths that do not fit, counts out of bounds, other schemes; nothing repeated.
  const std::string good(kPencil);
  for (const auto& text :
       {""s, "md5" + std::string(32, '0'), "SCRAM-SHA-256$"s, good.substr(0, good.size() - 1),
        good + "A", good + "=", "SCRAM-SHA-1" + good.substr(13),
        "SCRAM-SHA-256$0" + good.substr(18), "SCRAM-SHA-256$1000001" + good.substr(18),
        "SCRAM-SHA-256$4096x" + good.substr(18),
        "SCRAM-SHA-256$4096:$" + good.substr(good.find('$', 20) + 1),
        "SCRAM-SHA-256$4096:" + std::string(400, 'A') + good.substr(good.find('$', 20))}) {
    const auto verifier = parse_scram_verifier(text);
    ASSERT_FALSE(verifier.has_value()) << text;
    EXPECT_EQ(verifier.error().detail, "no SCRAM-SHA-256 verifier");
  }
}

TEST(ScramKeys, HaveBounds) {
  // Goal: no count and no salt out of bounds is worked on.
  EXPECT_FALSE(derive_scram_keys("x", "salt", 0).has_value());
  EXPECT_FALSE(derive_scram_keys("x", "salt", kScramIterationsMost + 1).has_value());
  EXPECT_FALSE(derive_scram_keys("x", "", 1).has_value());
  EXPECT_FALSE(derive_scram_keys("x", std::string(257, 's'), 1).has_value());
  EXPECT_TRUE(derive_scram_keys("", "salt", 1).has_value());
}

TEST(Saslprep, MakesTheSamePasswordTheSame) {
  // Goal: examples of RFC 4013 section 3, and what normalization does.
  const auto prepared = [](std::string_view text) {
    return std::string(saslprep_or_raw(text).view());
  };
  EXPECT_EQ(prepared("I\u00ADX"), "IX");
  EXPECT_EQ(prepared("user"), "user");
  EXPECT_EQ(prepared("\u00AA"), "a");
  EXPECT_EQ(prepared("\u2168"), "IX");
  EXPECT_EQ(prepared("a\u0301\u00A0b"), "\u00E1 b");
  EXPECT_EQ(prepared("ﬁ\u3000"), "fi ");
  EXPECT_EQ(prepared("\uFDFA"),
            "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 "
            "\u0648\u0633\u0644\u0645");
}

TEST(Saslprep, LeavesWhatItCannotPrepare) {
  // Goal: as libpq does: no UTF-8, prohibited, unassigned in Unicode 3.2, mixed directions,
  // nothing.
  for (const auto& text : {"\xff\xfe"s, "a\u0085"s, "\u0627\u0031"s, "\u0221"s, "\u00AD"s,
                           "\U0001F600"s, "\x07 control"s, ""s, std::string(70'000, '\xc3')})
    EXPECT_EQ(saslprep_or_raw(text).view(), text);
}

TEST(Base64, IsStrict) {
  // Goal: what OpenSSL forgives is refused: blanks, padding within, a length that is no multiple.
  EXPECT_EQ(to_base64(std::as_bytes(std::span("n,,", 3))), "biws");
  EXPECT_EQ(to_base64({}), "");
  EXPECT_EQ(from_base64("AAE="), "\0\1"s);
  EXPECT_EQ(from_base64(""), "");
  for (const auto* text : {"A", "AAAA=", "AA=A", "AAA\n", " AAA", "A===", "====", "AA-_"})
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

TEST(Md5, AnswersAsLibpqDoes) {
  // Goal: the values PostgreSQL has for user "app" and password "secret".
  const auto verifier = md5_verifier("app", "secret").value();
  EXPECT_EQ(verifier, "md56a422f785c9e20873908ce25d1736ae2");
  EXPECT_EQ(md5_answer(verifier, "salt").value(), "md57f097e06031b34893c20e25a0e68242c");
  for (const auto* text : {"", "md", "md5", "md5ZZ", "SCRAM-SHA-256$"})
    EXPECT_EQ(md5_answer(text, "salt").error().code, ErrorCode::Malformed);
}

TEST(TlsServerEndPoint, RefusesWhatIsNoCertificate) {
  // Goal: no bytes, other bytes.
  EXPECT_EQ(tls_server_end_point({}).error().code, ErrorCode::Malformed);
  EXPECT_EQ(tls_server_end_point(std::as_bytes(std::span("0\x82", 2))).error().code,
            ErrorCode::Malformed);
}

}  // namespace
}  // namespace pgkeel::pg
