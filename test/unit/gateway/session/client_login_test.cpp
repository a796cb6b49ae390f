// A client's way into its session, in scripts that are cut at every byte.
#include "gateway/session/client_login.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/session/greeting.hpp"
#include "pg/password_answer.hpp"
#include "pg/scram/client.hpp"
#include "unit/gateway/session/client_script.hpp"

namespace pgkeel::gateway {
namespace {

using namespace std::literals;
using namespace pg::wire;
using backend::Authentication;
using testing::HasSubstr;
using testing::StartsWith;

const pg::ScramKeys& keys() {
  static const auto derived = pg::derive_scram_keys("secret", "salt of sixteen.", 2).value();
  return derived;
}
ClientVerifier verifier() { return pg::scram_verifier_of(keys(), "salt of sixteen.", 2); }
std::optional<ClientVerifier> found(const FindVerifier&) { return verifier(); }
std::optional<ClientVerifier> trusted(const FindVerifier&) { return Trusted{}; }

/// A client that proves a password; reads each answer from its last message.
class ScramTurns {
 public:
  explicit ScramTurns(std::string_view end_point = {}, std::string_view password = "secret")
      : end_point_(end_point), password_(password) {}

  [[nodiscard]] std::vector<Turn> turns() {
    const auto choice = pg::choose_scram(pg::scram_mechanisms(end_point_), end_point_).value();
    client_.emplace(choice.binding, "rOprNGfwEbeRWgbNEkqO", std::string(end_point_));
    return {[this, choice](std::string_view) {
              return packet_of(frontend::SaslInitialResponse{choice.mechanism, client_->first()});
            },
            [this](std::string_view answered) { return proof(answered); }};
  }

 private:
  std::string proof(std::string_view answered) {
    const auto request = Authentication::decode(bytes_of(answered.substr(kHeaderBytes))).value();
    const auto challenge = client_->challenge(request.bytes).value();
    const auto with =
        pg::derive_scram_keys(password_, challenge.salt, challenge.iterations).value();
    return packet_of(frontend::SaslResponse{client_->final(with)});
  }

  std::string_view end_point_;
  std::string_view password_;
  std::optional<pg::ScramClient> client_;
};

std::vector<Turn> operator+(std::vector<Turn> a, const std::vector<Turn>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Refusal& refusal_of(const ScriptEnd& end) {
  return std::get<ClientRefused>(end.step).refusal;
}

std::string refused_with(std::vector<Turn> turns, const ClientTerms& terms = {}) {
  const auto end = run_script(terms, turns, found);
  if (!std::holds_alternative<ClientRefused>(end.step)) return "not refused";
  const auto& refusal = refusal_of(end);
  EXPECT_THAT(end.answered, testing::EndsWith(packet_of(refusal)));
  return refusal.sqlstate + " " + refusal.message;
}

TEST(ClientLogin, ProvesAUserHoweverItIsCut) {
  // Goal: hazards 1, 2, 6: TLS and GSS asked for, SCRAM with the channel bound, cut at every byte.
  const std::vector<Turn> opening = {
      says(packet_of(GssEncryptionRequest())), says(packet_of(TlsRequest())),
      says(startup({{"user", "app"}, {"database", "shop"}, {"application_name", "a"}}))};
  std::string whole;
  for (std::size_t turn = 0; turn < 5; ++turn)
    for (std::size_t cut = 0; cut < 120; ++cut) {
      ScramTurns scram("end point");
      const auto end = run_script({}, opening + scram.turns(), found, turn, cut);
      ASSERT_TRUE(std::holds_alternative<ClientProven>(end.step)) << turn << " " << cut;
      const auto& proven = std::get<ClientProven>(end.step);
      EXPECT_EQ(proven.request.user, "app");
      EXPECT_EQ(proven.request.database, "shop");
      EXPECT_EQ(proven.request.settings.size(), 1U);
      EXPECT_TRUE(proven.keys->client_key == keys().client_key);
      if (whole.empty()) whole = end.answered;
      EXPECT_EQ(end.answered, whole);
    }
  EXPECT_THAT(whole, StartsWith("NSR"));
  EXPECT_THAT(whole, HasSubstr("v="));  // SASLFinal is out, AuthenticationOk is not
}

TEST(ClientLogin, Hazard01BeginsWithTlsAtOnce) {
  // Goal: hazard 1: a ClientHello is left to TLS; inside of it, TLS is answered "no" once.
  ClientLogin login({}, {.nonce = "n", .md5_salt = {}});
  ByteBuffer out;
  const auto step = login.resume(bytes_of("\x16\x03\x01"), out);
  EXPECT_EQ(std::get<BeginTls>(step).opening, TlsOpening::Direct);
  EXPECT_TRUE(out.empty() && login.left().empty());
  login.begun_tls("end point");
  EXPECT_TRUE(
      std::holds_alternative<NeedBytes>(login.resume(bytes_of(packet_of(TlsRequest())), out)));
  EXPECT_EQ(text_of(out), "N");
  const auto again = login.resume(bytes_of(packet_of(TlsRequest())), out);
  EXPECT_EQ(std::get<ClientRefused>(again).refusal.sqlstate, "0A000");
  ClientLogin off({.tls = ClientTls::Off}, {.nonce = "n", .md5_salt = {}});
  out.clear();
  EXPECT_TRUE(std::holds_alternative<ClientRefused>(off.resume(bytes_of("\x16"), out)));
  EXPECT_TRUE(out.empty());
}

TEST(ClientLogin, Hazard01RefusesBytesBehindARequestForEncryption) {
  // Goal: hazard 1: CVE-2021-23214: what came in clear is never taken for encrypted.
  for (const auto tls : {ClientTls::Off, ClientTls::Allow})
    EXPECT_EQ(
        refused_with({says(packet_of(TlsRequest()) + startup({{"user", "app"}}))}, {.tls = tls}),
        "08P01 received unencrypted data after SSL request");
  EXPECT_EQ(refused_with({says(packet_of(GssEncryptionRequest()) + "x")}),
            "08P01 received unencrypted data after GSSAPI encryption request");
}

TEST(ClientLogin, Hazard02AnswersARequestForEncryptionOnce) {
  // Goal: hazard 2: either order, once each, none inside of TLS.
  const auto tls = says(packet_of(TlsRequest()));
  const auto gss = says(packet_of(GssEncryptionRequest()));
  const ClientTerms off{.tls = ClientTls::Off};
  EXPECT_EQ(run_script(off, {tls, gss}, found).answered, "NN");
  EXPECT_EQ(run_script(off, {gss, tls}, found).answered, "NN");
  EXPECT_THAT(refused_with({tls, tls}, off),
              StartsWith("0A000 unsupported frontend protocol 1234.5679"));
  EXPECT_THAT(refused_with({gss, gss}, off),
              StartsWith("0A000 unsupported frontend protocol 1234.5680"));
  EXPECT_THAT(refused_with({tls, gss}), StartsWith("0A000"));
  EXPECT_THAT(refused_with({tls, tls}), StartsWith("0A000"));
}

TEST(ClientLogin, RequiresTlsOfSessionsOnly) {
  // Goal: policy "require": a session in clear is refused, a cancel in clear is passed on.
  const ClientTerms terms{.tls = ClientTls::Require};
  EXPECT_THAT(refused_with({says(startup({{"user", "app"}}))}, terms), StartsWith("28000"));
  const auto cancel = packet_of(CancelRequest{7, "keys"});
  for (std::size_t cut = 0; cut < cancel.size(); ++cut) {
    const auto end = run_script(terms, {says(cancel)}, found, 0, cut);
    EXPECT_EQ(std::get<CancelAsked>(end.step).process_id, 7U);
    EXPECT_EQ(std::get<CancelAsked>(end.step).key, "keys");
  }
  const auto through_tls = run_script(terms, {says(packet_of(TlsRequest())), says(cancel)}, found);
  EXPECT_TRUE(std::holds_alternative<CancelAsked>(through_tls.step));
}

TEST(ClientLogin, Hazard04NegotiatesBeforeItAsks) {
  // Goal: hazard 4: libpq 19's grease is answered once, before the request for a proof.
  const auto grease = startup({{"user", "app"}, {"_pq_.test_protocol_negotiation", ""}}, {3, 9999});
  for (const auto newest : std::to_array<std::uint16_t>({0, 2})) {
    const auto end = run_script({.newest_minor = newest}, {says(grease)}, found);
    EXPECT_EQ(end.answered[0], 'v');
    const auto length = static_cast<std::size_t>(end.answered[4]) + 1;
    EXPECT_EQ(end.answered[length], 'R');
    const auto trusting = run_script({.newest_minor = newest}, {says(grease)}, trusted);
    EXPECT_EQ(std::get<ClientProven>(trusting.step).version, (ProtocolVersion{3, newest}));
  }
  EXPECT_EQ(run_script({}, {says(startup({{"user", "app"}}, {3, 2}))}, found).answered[0], 'R');
}

TEST(ClientLogin, RefusesPacketsTheServerRefuses) {
  // Goal: hazard 7: lengths, layouts and versions, with the server's words.
  EXPECT_EQ(refused_with({says("GET / HTTP/1.1\r\n")}), "08P01 invalid length of startup packet");
  EXPECT_EQ(refused_with({says("\0\0\0\7"s)}), "08P01 invalid length of startup packet");
  EXPECT_EQ(refused_with({says("\0\0\0\x0a\0\3\0\0x\0"s)}),
            "08P01 invalid startup packet layout: expected terminator as last byte");
  EXPECT_EQ(refused_with({says("\0\0\0\x09\0\2\0\0\0"s)}),
            "0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.2");
  EXPECT_EQ(refused_with({says(startup({{"database", "shop"}}))}),
            "28000 no PostgreSQL user name specified in startup packet");
}

TEST(ClientLogin, ANobodyLooksLikeAWrongPassword) {
  // Goal: hazard 6: same messages of the same lengths, same end; and no password fits a nobody.
  const auto opening = std::vector{says(startup({{"user", "app"}}))};
  ScramTurns wrong({}, "wrong");
  ScramTurns nobody;
  const auto a = run_script({}, opening + wrong.turns(), found);
  const auto b = run_script({.mock_iterations = 2}, opening + nobody.turns(),
                            [](const FindVerifier&) { return std::nullopt; });
  EXPECT_EQ(a.answered.size(), b.answered.size());
  EXPECT_EQ(packet_of(refusal_of(a)), packet_of(refusal_of(b)));
  EXPECT_EQ(refusal_of(a).message, R"(password authentication failed for user "app")");
  EXPECT_EQ(refusal_of(a).sqlstate, "28P01");
}

TEST(ClientLogin, TakesMd5WhereThatIsStored) {
  // Goal: a stored MD5 verifier is asked for with our salt; another answer is a wrong password.
  const auto stored = pg::md5_verifier("app", "secret").value();
  const auto find = [&](const FindVerifier&) -> std::optional<ClientVerifier> {
    return Md5Verifier{SharedSecret(stored)};
  };
  const auto open = says(startup({{"user", "app"}}));
  const auto right = packet_of(frontend::Password{pg::md5_answer(stored, "\0\0\0\0"sv).value()});
  for (std::size_t cut = 0; cut < right.size(); ++cut) {
    const auto end = run_script({}, {open, says(right)}, find, 1, cut);
    ASSERT_TRUE(std::holds_alternative<ClientProven>(end.step));
    EXPECT_FALSE(std::get<ClientProven>(end.step).keys.has_value());
    EXPECT_EQ(end.answered, "R\0\0\0\x0c\0\0\0\5\0\0\0\0"s);
  }
  for (const auto* password : {"", "secret", "md5"}) {
    const auto end = run_script({}, {open, says(packet_of(frontend::Password{password}))}, find);
    EXPECT_EQ(refusal_of(end).sqlstate, "28P01");
  }
}

TEST(ClientLogin, RefusesProofsThatAreNone) {
  // Goal: hazards 6, 7: other messages, other mechanisms, too long ones; nothing leaves a trace.
  const auto open = says(startup({{"user", "app"}}));
  const auto sasl = [&](std::string_view mechanism, Value response) {
    return refused_with(
        {open, says(packet_of(frontend::SaslInitialResponse{mechanism, response}))});
  };
  EXPECT_EQ(sasl("PLAIN", "x"), "08P01 client selected an invalid SASL authentication mechanism");
  EXPECT_EQ(sasl("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=x"),
            "08P01 client selected an invalid SASL authentication mechanism");
  EXPECT_EQ(sasl("SCRAM-SHA-256", "x"), "08P01 malformed SCRAM message");
  EXPECT_EQ(sasl("SCRAM-SHA-256", "n,a=other,n=,r=x"), "0A000 unsupported SCRAM message");
  EXPECT_EQ(refused_with({open, says("Q\0\0\0\5\0"s)}),
            "08P01 expected SASL response, got message type 81");
  EXPECT_EQ(refused_with({open, says("p\0\0\0\5x"s)}), "08P01 malformed SASL message");
  EXPECT_THAT(refused_with({open, says("p\0\0\5\5"s)}), StartsWith("08P01"));
  EXPECT_THAT(refused_with({open, says("\x16\x03\x01\0\0"s)}), StartsWith("08P01"));
}

TEST(ClientLogin, FindsOutADowngrade) {
  // Goal: hazard 6: who took our offer of channel binding away is found out.
  const auto end =
      run_script({},
                 {says(packet_of(TlsRequest())), says(startup({{"user", "app"}})),
                  says(packet_of(frontend::SaslInitialResponse{"SCRAM-SHA-256", "y,,n=,r=x"}))},
                 found);
  EXPECT_EQ(refusal_of(end).sqlstate, "28000");
  EXPECT_EQ(refusal_of(end).message, "SCRAM channel binding negotiation error");
}

TEST(ClientLogin, LetsTheServerBegin) {
  // Goal: a SASLInitialResponse without a response is answered with an empty challenge.
  ScramTurns scram;
  auto turns = scram.turns();
  pg::ScramClient client(pg::ScramBinding::None, "rOprNGfwEbeRWgbNEkqO");
  const auto end =
      run_script({},
                 {says(startup({{"user", "app"}})),
                  says(packet_of(frontend::SaslInitialResponse{"SCRAM-SHA-256", std::nullopt})),
                  says(packet_of(frontend::SaslResponse{client.first()})), turns[1]},
                 found);
  EXPECT_TRUE(std::holds_alternative<ClientProven>(end.step));
}

TEST(ClientLogin, KeepsWhatBelongsToTheSession) {
  // Goal: a trusted client may send its first query at once; held is a bounded part of it.
  const auto open = startup({{"user", "app"}});
  EXPECT_EQ(run_script({}, {says(open + "Q\0\0\0\5\0"s)}, trusted).left, "Q\0\0\0\5\0"s);
  EXPECT_THAT(refused_with({says(open + std::string(ClientLogin::kHeldBytesMost + 1, 'Q'))}),
              StartsWith("08P01 more than 16384 bytes"));
}

TEST(ClientLogin, EndsForAReasonOfTheOwners) {
  // Goal: a reason that is not the client's is told as an ErrorResponse too.
  ClientLogin login({}, {.nonce = "n", .md5_salt = {}});
  ByteBuffer out;
  const auto step = login.refuse({.sqlstate = "53300", .message = "too many clients"}, out);
  EXPECT_TRUE(std::holds_alternative<ClientRefused>(step));
  EXPECT_EQ(ErrorFields::decode(ByteSpan(out).subspan(kHeaderBytes))->sqlstate(), "53300");
  ClientLogin shaking({}, {.nonce = "n", .md5_salt = {}});
  out.clear();
  static_cast<void>(shaking.resume(bytes_of("\x16"), out));
  static_cast<void>(shaking.refuse({.sqlstate = "57014", .message = "too slow"}, out));
  EXPECT_TRUE(out.empty()) << "in clear, within a handshake";
}

TEST(ClientLogin, HoldsABoundedNumberOfBytesBeforeTheProof) {
  // Goal: hazard 7: what anybody says, however it is cut, leaves no more than kHeldBytesMost held:
  // packets that never end, as long as they may be, and a proof that never ends.
  const auto long_startup = "\0\0\x27\x13\0\3\0\0"s + "user\0"s + std::string(100'000, 'x');
  const auto too_long = "\0\1\x86\xa0\0\3\0\0"s + std::string(100'000, 'x');
  const auto cancel = "\0\0\x01\x0c\x04\xd2\x16\x2e"s + std::string(200, 'x');
  const auto proof = startup({{"user", "u"}}) + "p\0\0\x04\x03"s + std::string(1000, 'x');
  const auto long_proof = startup({{"user", "u"}}) + "p\0\0\xc3\x50"s + std::string(50'000, 'x');
  for (const auto& said : {long_startup, too_long, cancel, proof, long_proof})
    for (const std::size_t piece : {1U, 7U, 4096U, 65'536U}) {
      ClientLogin login({}, {.nonce = "3rfcNHYJY1ZVvWVs7j", .md5_salt = {}});
      ClientStep step = NeedBytes{};
      for (std::size_t at = 0; at < said.size() && std::holds_alternative<NeedBytes>(step);
           at += piece) {
        ByteBuffer out;
        step = login.resume(bytes_of(std::string_view(said).substr(at, piece)), out);
        if (std::holds_alternative<FindVerifier>(step)) step = login.resume_with(verifier(), out);
        if (std::holds_alternative<NeedBytes>(step))
          ASSERT_LE(login.left().size(), ClientLogin::kHeldBytesMost) << piece;
      }
    }
}

TEST(Greeting, Hazard03IsWhatASessionBeginsWith) {
  // Goal: hazards 3, 8: Ok, the parameters in their order, a key of any length, idle.
  ByteBuffer out;
  append_greeting(out, {{"server_version", "15.1"}, {"TimeZone", "UTC"}}, {7, "a key of 3.2"});
  MessageReader reader(Sender::Backend, 1000);
  reader.feed(out);
  std::string types;
  while (const auto message = reader.next().value()) types += message->type;
  EXPECT_EQ(types, "RSSKZ");
}

}  // namespace
}  // namespace pgkeel::gateway
