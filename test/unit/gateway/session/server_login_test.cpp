// The gateway's way into a server, in scripts that are cut at every byte.
#include "gateway/session/server_login.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/password_answer.hpp"
#include "pg/scram/server.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "unit/gateway/session/client_script.hpp"

namespace pgkeel::gateway {
namespace {

using namespace std::literals;
using namespace pg::wire;
using Kind = backend::Authentication::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

struct Said {
  ServerStep step;
  std::string sent;  ///< by the gateway, all of it
};

/// What a server says next, given what the gateway sent since.
using ServerTurn = std::function<std::string(std::string_view sent)>;
ServerTurn server_says(std::string bytes) {
  return [bytes = std::move(bytes)](std::string_view) { return bytes; };
}

/// As run_script() for clients; keys are derived as they are asked for.
Said run_server(ServerTerms terms, const std::vector<ServerTurn>& turns,
                std::size_t cut_turn = SIZE_MAX, std::size_t cut = 0) {
  ServerLogin login(std::move(terms));
  ByteBuffer out;
  Said said{login.start(out), {}};
  const auto feed = [&](std::string_view bytes) {
    said.step = login.resume(bytes_of(bytes), out);
    if (std::holds_alternative<BeginTls>(said.step)) said.step = login.begun_tls("end point", out);
    if (const auto* asked = std::get_if<DeriveKeys>(&said.step))
      said.step = login.resume_with(asked->derive().value(), out);
  };
  std::size_t seen = 0;
  for (std::size_t turn = 0; turn < turns.size(); ++turn) {
    if (!std::holds_alternative<NeedBytes>(said.step)) break;
    said.sent = text_of(out);
    const auto bytes = turns[turn](std::string_view(said.sent).substr(seen));
    seen = said.sent.size();
    const auto first = turn == cut_turn ? std::min(cut, bytes.size()) : bytes.size();
    feed(std::string_view(bytes).substr(0, first));
    if (std::holds_alternative<NeedBytes>(said.step) && first < bytes.size())
      feed(std::string_view(bytes).substr(first));
  }
  said.sent = text_of(out);
  return said;
}

std::string ask(Kind kind, std::string_view bytes = {}) {
  ByteBuffer out;
  backend::append_authentication(out, kind, bytes);
  return text_of(out);
}
std::string offer(std::initializer_list<std::string_view> mechanisms) {
  ByteBuffer out;
  backend::append_sasl(out, mechanisms);
  return text_of(out);
}
std::string notice(std::string_view message) {
  ByteBuffer out;
  append(out, ErrorReport{.severity = "NOTICE", .sqlstate = "00000", .message = message},
         ReportAs::Notice);
  return text_of(out);
}
const std::string& beginning() {
  static const auto said = packet_of(backend::ParameterStatus{"server_version", "15.1"}) +
                           notice("hi") + packet_of(backend::ParameterStatus{"TimeZone", "UTC"}) +
                           packet_of(backend::ParameterStatus{"TimeZone", "GMT"}) +
                           packet_of(backend::BackendKeyData{7, "keys"}) +
                           packet_of(backend::ReadyForQuery{});
  return said;
}
ServerTerms app(ServerCredentials credentials = NoCredentials{}) {
  return {.user = "app",
          .database = "shop",
          .credentials = std::move(credentials),
          .nonce = "fyko+d2lbb"};
}
PlainPassword plain(std::string text = "secret") { return {SharedSecret(std::move(text))}; }

const pg::ScramKeys& keys() {
  static const auto derived = pg::derive_scram_keys("secret", "salt of sixteen.", 2).value();
  return derived;
}
ScramPass pass() { return {keys(), "salt of sixteen.", 2}; }

/// A real server's side of SCRAM.
class ScramTurns {
 public:
  explicit ScramTurns(std::string end_point = {})
      : server_(pg::scram_verifier_of(keys(), "salt of sixteen.", 2), "3rfcNHYJY1", end_point),
        end_point_(std::move(end_point)) {}
  [[nodiscard]] std::vector<ServerTurn> turns() {
    const auto offered = pg::scram_mechanisms(end_point_);
    ByteBuffer out;
    backend::append_sasl(out, offered);
    return {server_says(text_of(out)), [this](std::string_view sent) { return challenge(sent); },
            [this](std::string_view sent) { return end(sent); }};
  }

 private:
  std::string challenge(std::string_view sent) {
    const auto opening =
        frontend::SaslInitialResponse::decode(bytes_of(sent.substr(kHeaderBytes))).value();
    return ask(Kind::SaslContinue, server_.first(opening.mechanism, *opening.response).value());
  }
  std::string end(std::string_view sent) {
    const auto proven = server_.final(sent.substr(kHeaderBytes));
    if (!proven)
      return packet_of(ErrorReport{.severity = "FATAL", .sqlstate = "28P01", .message = "wrong"});
    return ask(Kind::SaslFinal, proven->server_final) + ask(Kind::Ok) + beginning();
  }

  pg::ScramServer server_;
  std::string end_point_;
};

const ServerFailure& failure_of(const Said& said) {
  return std::get<ServerRefused>(said.step).failure;
}
ServerTrouble trouble_of(ServerTerms terms, const std::vector<ServerTurn>& turns) {
  const auto said = run_server(std::move(terms), turns);
  EXPECT_TRUE(std::holds_alternative<ServerRefused>(said.step));
  return failure_of(said).trouble;
}

TEST(ServerLogin, IsInHoweverItIsCut) {
  // Goal: hazards 6, 8: TLS, SCRAM with the channel bound, with keys alone or a password; every
  // cut.
  for (const auto& credentials : {ServerCredentials(pass()), ServerCredentials(plain())}) {
    auto terms = app(credentials);
    terms.tls = ServerTls::Require;
    std::string whole;
    for (std::size_t turn = 0; turn < 4; ++turn)
      for (std::size_t cut = 0; cut < 280; ++cut) {
        ScramTurns scram("end point");
        auto turns = std::vector{server_says("S")};
        for (auto& next : scram.turns()) turns.push_back(std::move(next));
        const auto said = run_server(terms, turns, turn, cut);
        ASSERT_TRUE(std::holds_alternative<ServerReady>(said.step)) << turn << " " << cut;
        const auto& ready = std::get<ServerReady>(said.step);
        EXPECT_THAT(ready.parameters,
                    ElementsAre(Setting{"server_version", "15.1"}, Setting{"TimeZone", "GMT"}));
        EXPECT_EQ(ready.cancel_key->key, "keys");
        if (whole.empty()) whole = said.sent;
        EXPECT_EQ(said.sent, whole);
      }
  }
}

TEST(ServerLogin, SaysWhoAndWhat) {
  // Goal: the start-up message as asked for; nothing in it can make it another user's.
  auto terms = app();
  terms.settings = {{"application_name", "a"}};
  terms.replication = Replication::Logical;
  terms.newest_minor = 2;
  const auto said = run_server(terms, {});
  const auto packet = decode_startup(bytes_of(said.sent)).value();
  const auto& startup = std::get<StartupMessage>(packet);
  EXPECT_EQ(startup.version, (ProtocolVersion{3, 2}));
  EXPECT_EQ(startup.find("user"), "app");
  EXPECT_EQ(startup.find("database"), "shop");
  EXPECT_EQ(startup.find("replication"), "database");
  EXPECT_EQ(startup.find("application_name"), "a");
  for (const auto& name : {"user"s, "database"s, ""s, "_pq_.x"s, "x\0y"s}) {
    terms.settings = {{name, "postgres"}};
    const auto refused = run_server(terms, {});
    EXPECT_TRUE(std::holds_alternative<ServerRefused>(refused.step)) << name;
    EXPECT_EQ(refused.sent, "");
  }
  terms.settings = {{"application_name", std::string(kStartupBytesMax, 'x')}};
  EXPECT_EQ(trouble_of(terms, {}), ServerTrouble::Protocol);
}

TEST(ServerLogin, TakesNothingInClearForTls) {
  // Goal: CVE-2021-23222: bytes behind the answer, an error instead of one, and "no".
  auto terms = app();
  terms.tls = ServerTls::Require;
  for (const auto& answer : {"Sx"s, "Nx"s, "E\0\0\0\5\0"s, "G"s})
    EXPECT_EQ(trouble_of(terms, {server_says(answer)}), ServerTrouble::Protocol) << answer;
  EXPECT_EQ(trouble_of(terms, {server_says("N")}), ServerTrouble::TlsNotOffered);
  terms.tls = ServerTls::Prefer;
  const auto said = run_server(terms, {server_says("N"), server_says(ask(Kind::Ok) + beginning())});
  EXPECT_TRUE(std::holds_alternative<ServerReady>(said.step));
}

TEST(ServerLogin, TellsThatTheVerifierIsStale) {
  // Goal: keys of another salt or count are not tried; the owner learns that they are old.
  for (const auto& old :
       {ScramPass{keys(), "another salt....", 2}, ScramPass{keys(), "salt of sixteen.", 3}}) {
    ScramTurns scram;
    const auto said = run_server(app(old), scram.turns());
    EXPECT_EQ(failure_of(said).trouble, ServerTrouble::StaleVerifier);
    EXPECT_THAT(said.sent, testing::Not(HasSubstr("p=")));
  }
}

TEST(ServerLogin, AnswersWhatItsCredentialsAnswer) {
  // Goal: trust, MD5 from verifier and password, clear text where the terms allow it; no others.
  const auto md5 = ask(Kind::Md5Password, "salt");
  const auto clear = ask(Kind::CleartextPassword);
  const auto ok = server_says(ask(Kind::Ok) + beginning());
  const auto stored = pg::md5_verifier("app", "secret").value();
  const Md5Verifier verifier{SharedSecret(stored)};
  const auto right = packet_of(frontend::Password{pg::md5_answer(stored, "salt").value()});
  EXPECT_TRUE(std::holds_alternative<ServerReady>(run_server(app(), {ok}).step));
  for (const auto& credentials : {ServerCredentials(verifier), ServerCredentials(plain())}) {
    const auto said = run_server(app(credentials), {server_says(md5), ok});
    EXPECT_TRUE(std::holds_alternative<ServerReady>(said.step));
    EXPECT_THAT(said.sent, testing::EndsWith(right));
  }
  auto terms = app(plain());
  EXPECT_EQ(trouble_of(terms, {server_says(clear)}), ServerTrouble::NoCredentials);
  terms.clear = ClearPassword::Always;
  EXPECT_THAT(run_server(terms, {server_says(clear)}).sent, testing::EndsWith("secret\0"s));
  terms.clear = ClearPassword::OverTls;
  terms.tls = ServerTls::Require;
  EXPECT_THAT(run_server(terms, {server_says("S"), server_says(clear)}).sent, HasSubstr("secret"));
  EXPECT_EQ(trouble_of(app(pass()), {server_says(md5)}), ServerTrouble::NoCredentials);
  EXPECT_EQ(trouble_of(app(verifier), {server_says(clear)}), ServerTrouble::NoCredentials);
  EXPECT_EQ(trouble_of(app(verifier), {server_says(offer({"SCRAM-SHA-256"}))}),
            ServerTrouble::NoCredentials);
  EXPECT_EQ(trouble_of(app(), {server_says(md5)}), ServerTrouble::NoCredentials);
  EXPECT_EQ(trouble_of(app(plain()), {server_says(ask(Kind::Gss))}), ServerTrouble::NoCredentials);
  EXPECT_EQ(trouble_of(app(plain()), {server_says(offer({"OAUTHBEARER"}))}),
            ServerTrouble::NoCredentials);
}

TEST(ServerLogin, RefusesAServerThatProvesNothing) {
  // Goal: hazard 6: SCRAM that ends early, asks twice or for something else, or signs wrongly.
  const auto sasl = server_says(offer({"SCRAM-SHA-256"}));
  const auto challenge = server_says(ask(Kind::SaslContinue, "r=fyko+d2lbbx,s=c2FsdA==,i=1"));
  const auto ok = server_says(ask(Kind::Ok) + beginning());
  EXPECT_EQ(trouble_of(app(plain()), {sasl, ok}), ServerTrouble::NotItself);
  EXPECT_EQ(trouble_of(app(plain()), {sasl, challenge, ok}), ServerTrouble::NotItself);
  EXPECT_EQ(trouble_of(app(plain()), {sasl, sasl}), ServerTrouble::Protocol);
  EXPECT_EQ(trouble_of(app(plain()), {sasl, server_says(ask(Kind::CleartextPassword))}),
            ServerTrouble::Protocol);
  EXPECT_EQ(trouble_of(app(plain()), {sasl, server_says(ask(Kind::SaslFinal, "v=x"))}),
            ServerTrouble::Protocol);
  EXPECT_EQ(trouble_of(app(plain()),
                       {sasl, server_says(ask(Kind::SaslContinue, "r=other,s=c2FsdA==,i=1"))}),
            ServerTrouble::Protocol);
  const auto wrong = "v=" + std::string(43, 'A') + "=";
  EXPECT_EQ(trouble_of(app(plain()), {sasl, challenge, server_says(ask(Kind::SaslFinal, wrong))}),
            ServerTrouble::NotItself);
  EXPECT_EQ(trouble_of(app(plain()), {server_says(ask(Kind::CleartextPassword) + ask(Kind::Ok))}),
            ServerTrouble::NoCredentials);
}

TEST(ServerLogin, PassesOnWhatTheServerSaid) {
  // Goal: hazard 6: CVE-2026-6666: every field may be missing; what is there is told.
  const auto starting = packet_of(ErrorReport{
      .severity = "FATAL", .sqlstate = "57P03", .message = "starting up", .hint = "wait"});
  const auto said = run_server(app(), {server_says(starting)});
  EXPECT_EQ(failure_of(said).trouble, ServerTrouble::Said);
  EXPECT_EQ(failure_of(said).sqlstate, "57P03");
  EXPECT_EQ(failure_of(said).severity, "FATAL");
  EXPECT_EQ(failure_of(said).hint, "wait");
  const auto empty = run_server(app(), {server_says("E\0\0\0\5\0"s)});
  EXPECT_EQ(failure_of(empty).trouble, ServerTrouble::Said);
  EXPECT_EQ(failure_of(empty).sqlstate + failure_of(empty).message, "");
  EXPECT_EQ(failure_of(run_server(app(), {server_says(ask(Kind::Ok) + starting)})).sqlstate,
            "57P03");
}

TEST(ServerLogin, NegotiatesDown) {
  // Goal: hazard 4: an older server says so, and 3.0 is spoken; what was not asked for is refused.
  const auto negotiate = [](std::uint32_t version,
                            std::initializer_list<std::string_view> options) {
    ByteBuffer out;
    backend::append_negotiate(out, version, options);
    return server_says(text_of(out) + ask(Kind::Ok) + beginning());
  };
  auto terms = app();
  terms.newest_minor = 2;
  const auto said = run_server(terms, {negotiate(0x30000, {})});
  EXPECT_EQ(std::get<ServerReady>(said.step).version, (ProtocolVersion{3, 0}));
  EXPECT_EQ(trouble_of(terms, {negotiate(0x30002, {})}), ServerTrouble::Protocol);
  EXPECT_EQ(trouble_of(terms, {negotiate(0x20000, {})}), ServerTrouble::Protocol);
  EXPECT_EQ(trouble_of(terms, {negotiate(0x30000, {"_pq_.x"})}), ServerTrouble::Protocol);
  EXPECT_EQ(trouble_of(app(), {negotiate(0x30000, {})}), ServerTrouble::Protocol);
}

TEST(ServerLogin, IsBounded) {
  // Goal: hazard 7: parameters without end, long ones, long messages, messages out of place.
  std::string many = ask(Kind::Ok), bulky = many;
  for (std::size_t i = 0; i <= ServerLogin::kParametersMost; ++i)
    many += packet_of(backend::ParameterStatus{"p" + std::to_string(i), "x"});
  for (std::size_t i = 0; i < 3; ++i)
    bulky += packet_of(backend::ParameterStatus{"p", std::string(25'000, 'x')});
  const auto transaction =
      packet_of(backend::ReadyForQuery{backend::TransactionStatus::InTransaction});
  for (const auto& bytes :
       {many, bulky, beginning(), ask(Kind::Ok) + ask(Kind::Ok), ask(Kind::Ok) + "D\0\0\0\6\0\0"s,
        ask(Kind::Ok) + transaction, "N\0\2\0\0"s, "HTTP/1.1 400"s, "R\0\0\0\x08\0\0\0\x0d"s})
    EXPECT_EQ(trouble_of(app(), {server_says(bytes)}), ServerTrouble::Protocol);
}

}  // namespace
}  // namespace pgkeel::gateway
