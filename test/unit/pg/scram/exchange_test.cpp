// SCRAM-SHA-256 on both sides: the RFC's own exchange, and what must not pass.
#include <gtest/gtest.h>

#include "pg/scram/client.hpp"
#include "pg/scram/server.hpp"

namespace pgkeel::pg {
namespace {

using namespace std::string_literals;

/// The exchange of RFC 7677 section 3: user "user", password "pencil".
constexpr std::string_view kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kSalt =
    "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
constexpr std::string_view kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
constexpr std::string_view kEndPoint = "32 bytes of a certificate's hash";

ScramKeys pencil_keys() { return derive_scram_keys("pencil", kSalt, 4096).value(); }

ScramServer rfc_server(std::string_view end_point = {}) {
  return {scram_verifier_of(pencil_keys(), kSalt, 4096), std::string(kServerNonce),
          std::string(end_point)};
}

ScramClient rfc_client(ScramBinding binding = ScramBinding::None, std::string_view end_point = {}) {
  return {binding, std::string(kClientNonce), std::string(end_point), "user"};
}

ErrorCode refused_first(std::string_view message, std::string_view mechanism = kScramSha256,
                        std::string_view end_point = {}) {
  const auto answer = rfc_server(end_point).first(mechanism, message);
  return answer ? ErrorCode::Failed : answer.error().code;
}

ErrorCode refused_final(std::string_view message) {
  auto server = rfc_server();
  EXPECT_TRUE(server.first(kScramSha256, kClientFirst).has_value());
  const auto proven = server.final(message);
  return proven ? ErrorCode::Failed : proven.error().code;
}

TEST(Scram, IsTheExchangeOfTheRfc) {
  // Goal: every byte of RFC 7677's example on both sides, and the keys come out of the proof.
  auto client = rfc_client();
  auto server = rfc_server();
  EXPECT_EQ(client.first(), kClientFirst);
  EXPECT_EQ(server.first(kScramSha256, kClientFirst).value(), kServerFirst);
  const auto challenge = client.challenge(kServerFirst).value();
  EXPECT_EQ(challenge.salt, kSalt);
  EXPECT_EQ(challenge.iterations, 4096U);
  EXPECT_EQ(client.final(pencil_keys()), kClientFinal);
  const auto proven = server.final(kClientFinal).value();
  EXPECT_EQ(proven.server_final, kServerFinal);
  EXPECT_TRUE(client.check(kServerFinal).has_value());
  EXPECT_TRUE(proven.keys.client_key == pencil_keys().client_key);
}

TEST(Scram, ProvenKeysOpenTheNextServer) {
  // Goal: hazard 6: what one side learned from a proof proves the user elsewhere, without password.
  auto server = rfc_server();
  ASSERT_TRUE(server.first(kScramSha256, kClientFirst).has_value());
  const auto keys = server.final(kClientFinal).value().keys;
  ScramServer next(scram_verifier_of(pencil_keys(), kSalt, 4096), "other-nonce");
  ScramClient onward(ScramBinding::None, "own-nonce");
  ASSERT_TRUE(onward.challenge(next.first(kScramSha256, onward.first()).value()).has_value());
  const auto proven = next.final(onward.final(keys));
  ASSERT_TRUE(proven.has_value());
  EXPECT_TRUE(onward.check(proven->server_final).has_value());
}

TEST(Scram, BindsTheChannel) {
  // Goal: hazard 6: with TLS on both sides the end point is proven; another one is refused.
  auto choice = choose_scram(scram_mechanisms(kEndPoint), kEndPoint).value();
  EXPECT_EQ(choice.mechanism, kScramSha256Plus);
  for (const auto& seen : {std::string(kEndPoint), "somebody between us, with a cert"s}) {
    auto client = rfc_client(choice.binding, seen);
    auto server = rfc_server(kEndPoint);
    ASSERT_TRUE(client.challenge(server.first(choice.mechanism, client.first()).value()));
    const auto proven = server.final(client.final(pencil_keys()));
    EXPECT_EQ(proven.has_value(), seen == kEndPoint);
  }
}

TEST(Scram, FindsOutADowngrade) {
  // Goal: hazard 6: who took our offer of channel binding away is noticed; "y" without TLS is fine,
  // "n" is a client that cannot.
  const auto hidden = choose_scram(std::to_array<std::string_view>({kScramSha256}), kEndPoint);
  EXPECT_EQ(hidden->binding, ScramBinding::NotOffered);
  EXPECT_EQ(refused_first("y,,n=,r=x", kScramSha256, kEndPoint), ErrorCode::Refused);
  EXPECT_TRUE(rfc_server().first(kScramSha256, "y,,n=,r=x").has_value());
  EXPECT_TRUE(rfc_server(kEndPoint).first(kScramSha256, "n,,n=,r=x").has_value());
  // The same letter again at the end, or the exchange is not the one that began.
  auto server = rfc_server();
  auto client = rfc_client(ScramBinding::NotOffered);
  ASSERT_TRUE(client.challenge(server.first(kScramSha256, kClientFirst).value()));
  EXPECT_EQ(server.final(client.final(pencil_keys())).error().code, ErrorCode::Malformed);
}

TEST(Scram, ChoosesWhatBothKnow) {
  // Goal: no TLS, no binding; an offer of it without TLS is a lie; unknown ones are no choice.
  EXPECT_EQ(choose_scram(scram_mechanisms(""), "")->binding, ScramBinding::None);
  EXPECT_FALSE(choose_scram(scram_mechanisms(kEndPoint), "").has_value());
  EXPECT_FALSE(choose_scram(std::to_array<std::string_view>({"OAUTHBEARER"}), "").has_value());
}

TEST(Scram, WrongPasswordAndNoUserLookAlike) {
  // Goal: users cannot be found out: same shape of challenge, stable per name, same end.
  const ScramKey seed(std::as_bytes(std::span("a seed of the gateway's, secret.", 32)));
  const auto challenge_of = [&](std::string_view user) {
    ScramServer server(mock_scram_verifier(user, seed), std::string(kServerNonce));
    return server.first(kScramSha256, kClientFirst).value();
  };
  EXPECT_EQ(challenge_of("nobody"), challenge_of("nobody"));
  EXPECT_NE(challenge_of("nobody"), challenge_of("noone"));
  EXPECT_EQ(challenge_of("nobody").size(), kServerFirst.size());
  ScramServer mock(mock_scram_verifier("nobody", seed), std::string(kServerNonce));
  auto real = rfc_server();
  std::vector<std::string> ends;
  for (auto* server : {&mock, &real}) {
    auto client = rfc_client();
    const auto challenge =
        client.challenge(server->first(kScramSha256, kClientFirst).value()).value();
    const auto keys = derive_scram_keys("wrong", challenge.salt, challenge.iterations).value();
    const auto proven = server->final(client.final(keys));
    EXPECT_EQ(proven.error().code, ErrorCode::AuthFailed);
    ends.push_back(proven.error().message());
  }
  EXPECT_EQ(ends[0], ends[1]);
}

TEST(ScramServer, RefusesFirstMessagesThatCannotBe) {
  // Goal: CVE-2026-6664: lengths, NULs, headers and extensions, each with its own reason.
  for (const auto& message :
       {""s, "n"s, "n,"s, "x,,n=,r=a"s, "n,,r=a"s, "n,,n="s, "n,,n=,r="s, "n,,n=,r=a b"s,
        "n,,n=,r=a,x"s, "n,,n=,r=a\0"s, "n,,n=,r=" + std::string(1100, 'a'), "p=,,n=,r=a"s})
    EXPECT_EQ(refused_first(message), ErrorCode::Malformed) << message;
  EXPECT_EQ(refused_first("n,a=other,n=,r=x"), ErrorCode::NotSupported);
  EXPECT_EQ(refused_first("n,,m=x,n=,r=x"), ErrorCode::NotSupported);
  EXPECT_EQ(refused_first("p=tls-unique,,n=,r=x", kScramSha256Plus, kEndPoint),
            ErrorCode::NotSupported);
  EXPECT_EQ(refused_first("n,,n=,r=x", kScramSha256Plus, kEndPoint), ErrorCode::Malformed);
  EXPECT_EQ(refused_first("p=tls-server-end-point,,n=,r=x", kScramSha256Plus), ErrorCode::Refused);
  EXPECT_EQ(refused_first("n,,n=,r=x", "PLAIN"), ErrorCode::Refused);
}

TEST(ScramServer, RefusesProofsThatAreNone) {
  // Goal: CVE-2026-6665: proofs of any other length, replays, bytes behind; extensions may stand.
  const std::string good(kClientFinal);
  const auto before = good.substr(0, good.find(",p="));
  for (const auto& message :
       {before, before + ",p=", before + ",p=AAAA", before + ",p=" + std::string(600, 'A'),
        good + ",x=y", good + "\0"s, "c=eSws" + good.substr(6), "r=x,c=biws,p=AAAA"s,
        before + "x" + good.substr(before.size()), before + ",p=d z=", ","s, "c"s})
    EXPECT_EQ(refused_final(message), ErrorCode::Malformed) << message;
  // Signed with the rest, so an extension after the fact is a wrong proof.
  EXPECT_EQ(refused_final(before + ",x=y" + good.substr(before.size())), ErrorCode::AuthFailed);
}

TEST(ScramClient, RefusesChallengesThatCannotBe) {
  // Goal: a server cannot make us count for ever, forget our nonce or send what is no salt.
  const auto refused = [](const std::string& message) {
    return !rfc_client().challenge(message).has_value();
  };
  const auto nonce = "r=" + std::string(kClientNonce);
  EXPECT_TRUE(refused("r=other,s=AAAA,i=1"));
  EXPECT_TRUE(refused(nonce + ",s=AAAA,i=1"));  // nothing of the server's
  for (const auto& rest : {"x"s, "x,s=AAAA"s, "x,s=,i=1"s, "x,s=A,i=1"s, "x,s=A===,i=1"s,
                           "x,s=AAAA,i=0"s, "x,s=AAAA,i=1000001"s, "x,s=AAAA,i=99999999999"s,
                           "x,s=AAAA,i=+1"s, "x,s=AAAA,i=1,x=y"s, "x,s=AA A,i=1"s, "x,m=y,s=AAAA"s,
                           "x,s=" + std::string(400, 'A') + ",i=1", std::string(1100, 'x')})
    EXPECT_TRUE(refused(nonce + rest)) << rest;
  EXPECT_FALSE(refused(nonce + "x,s=AAAA,i=1000000"));
}

TEST(ScramClient, RefusesAServerThatDoesNotKnowTheKeys) {
  // Goal: an error is told as one, a wrong or missing signature is no server of ours.
  auto client = rfc_client();
  ASSERT_TRUE(client.challenge(kServerFirst).has_value());
  static_cast<void>(client.final(pencil_keys()));
  EXPECT_EQ(client.check("e=invalid-proof").error().code, ErrorCode::AuthFailed);
  EXPECT_EQ(client.check("v=" + std::string(43, 'A') + "=").error().code, ErrorCode::AuthFailed);
  for (const auto& message : {""s, "v="s, "v=AAAA"s, std::string(kServerFinal) + ",x=y", "x"s})
    EXPECT_EQ(client.check(message).error().code, ErrorCode::Malformed) << message;
}

TEST(ScramClient, EscapesTheNameItSends) {
  // Goal: a comma or an equal sign in a name is no other attribute.
  EXPECT_EQ(ScramClient(ScramBinding::None, "x", "", "a,r=b").first(), "n,,n=a=2Cr=3Db,r=x");
}

}  // namespace
}  // namespace pgkeel::pg
