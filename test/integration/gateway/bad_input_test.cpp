// Those who have not proven themselves: floods of them, and what they say. They come from addresses
// of their own; apps come from 127.0.0.1.
#include <gmock/gmock.h>

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "integration/gateway/login_socket.hpp"
#include "integration/gateway/running_gateway.hpp"
#include "pg/wire/startup.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using pg::wire::ByteBuffer;
using testing::HasSubstr;

constexpr std::size_t kOfEachKind = 500;
constexpr std::size_t kShare = gateway::DoorLimits{}.of_address_most;

ByteBuffer bytes_of_text(std::string_view text) {
  const auto bytes = pg::wire::bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

ByteBuffer startup_of(const char* user) {
  ByteBuffer out;
  const std::vector<pg::wire::StartupParameter> parameters = {{"user", user},
                                                              {"database", "postgres"}};
  pg::wire::append_startup(out, {}, parameters);
  return out;
}

// Who is turned away may find its connection closed already.
void try_to_say(LoginSocket& socket, ByteBuffer bytes) {
  try {
    socket.send(bytes);
  } catch (const std::runtime_error&) {
    // It is looked at in what it is answered.
  }
}

class BadInput : public testing::Test {
 protected:
  BadInput() : server_({.settings = {{"log_connections", "on"}}}) {
    server_.query("create role app login password 'secret'");
    server_.set_hba(
        "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\n"
        "local all all scram-sha-256\n");
  }
  void serve(gateway::DoorLimits door = {}) {
    gateway_.emplace(server_, GatewayOptions{.size = 4, .scram = true, .door = door});
  }
  [[nodiscard]] std::string right() const { return gateway_->conninfo("user=app password=secret"); }
  [[nodiscard]] std::string wrong() const { return gateway_->conninfo("user=app password=wrong"); }

  /// Connections from `address` that all say `bytes`, with `app` asking in between.
  std::vector<LoginSocket> flood(const char* address, const ByteBuffer& bytes, Session& app,
                                 std::size_t count = kOfEachKind) {
    std::vector<LoginSocket> sockets;
    for (std::size_t number = 0; number < count; ++number) {
      sockets.push_back(LoginSocket::connected_from(address, gateway_->port()));
      if (!bytes.empty()) try_to_say(sockets.back(), bytes);
      if (number % 50 == 0) EXPECT_EQ(app("select 1"), "1");
    }
    return sockets;
  }
  [[nodiscard]] gateway::ServerTerms as_app(std::string password) const {
    gateway::ServerTerms terms;
    terms.user = "app";
    terms.database = "postgres";
    terms.tls = gateway::ServerTls::Off;
    terms.nonce = "3rfcNHYJY1ZVvWVs7j3rfcNH";
    terms.credentials = gateway::PlainPassword{gateway::SharedSecret(std::move(password))};
    return terms;
  }
  /// "" or the SQLSTATE of a login from another address.
  std::string login_from(const char* address, const std::string& password) {
    auto socket = LoginSocket::connected_from(address, gateway_->port());
    const auto ready = log_in(socket, as_app(password));
    return ready ? "" : ready.error().sqlstate;
  }
  /// Sends a wrong proof and goes without its answer.
  void guess_and_go(const char* address) {
    auto socket = LoginSocket::connected_from(address, gateway_->port());
    gateway::ServerLogin login(as_app("wrong"));
    ByteBuffer out;
    auto step = login.start(out);
    for (socket.send(out); !std::holds_alternative<gateway::DeriveKeys>(step);) {
      step = login.resume(socket.receive(), out);
      if (!out.empty()) socket.send(out);
    }
    step = login.resume_with(std::get<gateway::DeriveKeys>(step).derive().value(), out);
    socket.send(out);
  }

  PostgresServer server_;
  std::optional<RunningGateway> gateway_;
};

TEST_F(BadInput, ThousandsThatSayNothingOrHalfDisturbNobody) {
  // Goal: hazard 7: a thousand that are silent and a thousand that stop within their packet: each
  // address gets its share, beyond it 53300 at once; who is in goes on, and who comes gets in. One
  // that was let in and says the rest is asked for its password.
  serve();
  Session app(right());
  auto whole = startup_of("app");
  const auto middle = whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2);
  const ByteBuffer half(whole.begin(), middle);
  ByteBuffer rest(middle, whole.end());
  auto silent = flood("127.0.0.2", {}, app, 2 * kOfEachKind);
  auto halves = flood("127.0.0.3", half, app, 2 * kOfEachKind);
  for (std::size_t number = kShare; number < silent.size(); ++number)
    ASSERT_THAT(last_words(silent[number]), HasSubstr("53300")) << number;
  for (std::size_t number = kShare; number < halves.size(); ++number)
    static_cast<void>(last_words(halves[number]));  // closed, or this waits and fails below
  Session another(right());
  EXPECT_EQ(another("select current_user"), "app");
  halves[0].send(rest);
  EXPECT_EQ(pg::wire::text_of(halves[0].receive()).substr(0, 1), "R");
  silent[kShare - 1].send(whole);
  EXPECT_EQ(pg::wire::text_of(silent[kShare - 1].receive()).substr(0, 1), "R");
  EXPECT_EQ(app("select 1"), "1");
}

TEST_F(BadInput, AFleetThatWaitsForItsServerIsNotTurnedAway) {
  // Goal: who waits for us takes no place at the door: while the server cannot be asked who they
  // are, more than its share come from one address, and all get in when it can.
  const auto stored = gateway::parse_stored_password(
      server_.query("select rolpassword from pg_authid where rolname = 'app'"));
  std::atomic<bool> away = true;
  const auto ask = [&](const std::string&) -> gateway::StoredVerifier {
    if (away) return fail(ErrorCode::ConnectionFailed, "the server is away");
    return std::optional(stored.value());
  };
  gateway_.emplace(server_, GatewayOptions{.size = 4, .ask = ask, .door = {.of_address_most = 2}});
  std::vector<LoginSocket> fleet;
  for (int number = 0; number < 6; ++number) {
    fleet.push_back(LoginSocket::connected_from("127.0.0.2", gateway_->port()));
    auto hello = startup_of("app");
    fleet.back().send(hello);
    ASSERT_TRUE(wait_until([&] {
      return gateway_->seen([&](gateway::Worker& worker) {
        return worker.clients() == fleet.size() && worker.door().unproven() == 0;
      });
    }));
  }
  // Who goes meanwhile is not asked for any more, and is gone at once.
  fleet.pop_back();
  EXPECT_TRUE(wait_until([&] {
    return gateway_->seen([&](gateway::Worker& worker) {
      return worker.clients() == fleet.size() && worker.door().aside() == fleet.size();
    });
  }));
  away = false;
  for (auto& one : fleet) EXPECT_EQ(pg::wire::text_of(one.receive()).substr(0, 1), "R");
}

TEST_F(BadInput, ThousandsThatTalkNonsenseAreAnsweredAndGone) {
  // Goal: hazard 7: text of another protocol, a length beyond any, one of nothing, an unknown
  // version: each is refused as by PostgreSQL, and leaves its place to the next.
  serve();
  Session app(right());
  using namespace std::literals;
  const std::pair<std::string_view, const char*> nonsense[] = {
      {"GET / HTTP/1.1\r\nHost: db\r\n\r\n"sv, "08P01"},
      {"\x7f\xff\xff\xff\0\3\0\0"sv, "08P01"},
      {"\0\0\0\0\0\3\0\0"sv, "08P01"},
      {"\0\0\0\x08\0\x09\0\0"sv, "0A000"}};
  for (const auto& [text, state] : nonsense)
    for (int batch = 0; batch < 5; ++batch) {
      auto sockets = flood("127.0.0.2", bytes_of_text(text), app, kOfEachKind / 5);
      for (auto& socket : sockets) ASSERT_THAT(last_words(socket), HasSubstr(state)) << text;
    }
  Session another(right());
  EXPECT_EQ(another("select 1"), "1");
}

TEST_F(BadInput, Hazard7WhoIsSlowIsGoneInTime) {
  // Goal: hazard 7: whoever has not logged in by login_most is closed, wherever it stopped: silent,
  // within its packet, before its handshake, before its proof; also one that says a byte at a time
  // without end. Whoever is in stays.
  constexpr Millis kMost{1000};
  gateway_.emplace(
      server_,
      GatewayOptions{.scram = true, .tls = gateway::ClientTls::Allow, .login_most = kMost});
  Session app(right());
  using namespace std::literals;
  const auto whole = startup_of("app");
  const ByteBuffer said[] = {{},
                             {whole.begin(), whole.begin() + 20},
                             bytes_of_text("\0\0\0\x08\x04\xd2\x16\x2f"sv),
                             whole};
  const auto begin = SteadyClock::now();
  std::vector<LoginSocket> sockets;
  for (const auto& bytes : said) {
    sockets.push_back(LoginSocket::connected_from("127.0.0.2", gateway_->port()));
    if (!bytes.empty()) try_to_say(sockets.back(), bytes);
  }
  auto drips = LoginSocket::connected_from("127.0.0.2", gateway_->port());
  try_to_say(drips, bytes_of_text("\0\0\x27\x10\0\3\0\0"sv));
  auto gone = std::async(std::launch::async, [&drips] { return last_words(drips); });
  while (gone.wait_for(Millis(5)) != std::future_status::ready) try_to_say(drips, ByteBuffer(1));
  EXPECT_EQ(gone.get(), "");
  EXPECT_GE(SteadyClock::now() - begin, kMost);
  const char* answered[] = {"", "", "S", "R"};
  for (std::size_t number = 0; number < sockets.size(); ++number)
    EXPECT_EQ(last_words(sockets[number]).substr(0, 1), answered[number]) << number;
  EXPECT_LT(SteadyClock::now() - begin, kPatience);
  EXPECT_EQ(app("select 1"), "1");
}

TEST_F(BadInput, Hazard7WhoIsHugeIsGoneAtOnce) {
  // Goal: hazard 7: the longest start-up packet of PostgreSQL is read, one byte more is refused by
  // its length alone; so is a proof of a gigabyte. Nothing waits for what was announced.
  serve();
  using namespace std::literals;
  const auto begin = SteadyClock::now();
  auto longest = LoginSocket::connected_from("127.0.0.2", gateway_->port());
  ByteBuffer packet;
  const std::string pad(pg::wire::kStartupBytesMax - 50, 'x');
  const std::vector<pg::wire::StartupParameter> parameters = {{"user", "app"},
                                                              {"application_name", pad}};
  pg::wire::append_startup(packet, {}, parameters);
  ASSERT_LE(packet.size(), pg::wire::kStartupBytesMax);
  longest.send(packet);
  EXPECT_EQ(pg::wire::text_of(longest.receive()).substr(0, 1), "R");
  try_to_say(longest, bytes_of_text("p\x40\0\0\0SCRAM"sv));
  EXPECT_THAT(last_words(longest), HasSubstr("08P01"));
  auto longer = LoginSocket::connected_from("127.0.0.2", gateway_->port());
  try_to_say(longer, bytes_of_text("\0\0\x27\x15\0\3\0\0"sv));
  EXPECT_THAT(last_words(longer), HasSubstr("08P01"));
  EXPECT_LT(SteadyClock::now() - begin, gateway::Settings().login_most);
  EXPECT_EQ(Session(right())("select 1"), "1");
}

TEST_F(BadInput, WrongPasswordsSlowDownTheirAddressAndNobodyElse) {
  // Goal: after ten of 127.0.0.2 the next five wait 1 to 5 seconds, while at 127.0.0.1 a wrong
  // password is answered and a right one gets in; a right one at 127.0.0.2 ends it.
  serve();
  const auto begin = SteadyClock::now();
  for (int time = 0; time < 10; ++time) EXPECT_EQ(login_from("127.0.0.2", "wrong"), "28P01");
  std::vector<std::future<SteadyTime>> late;
  const auto slow_from = SteadyClock::now();
  for (int time = 0; time < 5; ++time)
    late.push_back(std::async(std::launch::async, [this] {
      EXPECT_EQ(login_from("127.0.0.2", "wrong"), "28P01");
      return SteadyClock::now();
    }));
  for (int time = 0; time < 3; ++time)
    EXPECT_THAT(refusal_of(wrong()), HasSubstr("password authentication failed"));
  Session app(right());
  EXPECT_EQ(app("select 1"), "1");
  const auto others_done = SteadyClock::now();
  std::vector<SteadyTime> answered;
  for (auto& one : late) answered.push_back(one.get());
  std::ranges::sort(answered);
  EXPECT_GT(answered.back(), others_done);
  for (int time = 0; time < 5; ++time)
    EXPECT_GE(answered[static_cast<std::size_t>(time)] - slow_from, Seconds(time + 1));
  EXPECT_EQ(login_from("127.0.0.2", "secret"), "");
  const auto forgiven = SteadyClock::now();
  EXPECT_EQ(login_from("127.0.0.2", "wrong"), "28P01");
  EXPECT_LT(SteadyClock::now() - forgiven, Seconds(5));  // not forgiven it would wait for six
  EXPECT_LT(SteadyClock::now() - begin, Seconds(50));    // else the minute says it, not the success
}

TEST_F(BadInput, WhoGuessesAndGoesHasItsPlaceKept) {
  // Goal: a guess is not made cheaper by leaving before its answer: the place is taken until then,
  // and the address is let in again afterwards.
  serve({.unproven_most = 100, .of_address_most = 2});
  for (int time = 0; time < 12; ++time) EXPECT_EQ(login_from("127.0.0.2", "wrong"), "28P01");
  guess_and_go("127.0.0.2");
  guess_and_go("127.0.0.2");
  auto third = LoginSocket::connected_from("127.0.0.2", gateway_->port());
  EXPECT_THAT(last_words(third), HasSubstr("53300"));
  EXPECT_EQ(Session(right())("select 1"), "1");
  EXPECT_TRUE(wait_until([&] {
    try {
      return login_from("127.0.0.2", "secret").empty();
    } catch (const std::runtime_error&) {
      return false;  // reset while it was turned away
    }
  }));
}

TEST_F(BadInput, AFloodOfWrongCancelsEndsNothing) {
  // Goal: hazard 28: 5,000 requests with wrong keys, half of them by the id of one that has a query
  // under way: it ends by itself, and the server has seen no connection more.
  serve();
  Session holder(server_.conninfo());
  holder("select pg_advisory_lock(7)");
  Session app(right());
  PQsendQuery(app.get(), "select 'got it' from pg_advisory_lock(7)");
  PQflush(app.get());
  EXPECT_TRUE(wait_until([&] {
    return holder("select count(*) from pg_locks where locktype = 'advisory' and not granted") ==
           "1";
  }));
  const auto connections = [&] {
    const auto log = server_.log();
    std::size_t count = 0;
    for (auto at = log.find("connection received"); at != std::string::npos;
         at = log.find("connection received", at + 1))
      ++count;
    return count;
  };
  const auto before = connections();
  EXPECT_GT(before, 0U);
  const auto id = static_cast<std::uint32_t>(PQbackendPID(app.get()));
  for (std::uint32_t number = 0; number < 5000; ++number) {
    ByteBuffer out;
    append(out,
           pg::wire::CancelRequest{number % 2 == 0 ? id : id + number,
                                   number % 4 == 0 ? "1234" : "12345678123456781234567812345"});
    auto socket = LoginSocket::connected_from("127.0.0.2", gateway_->port());
    socket.send(out);
    EXPECT_EQ(last_words(socket), "");
  }
  EXPECT_EQ(connections(), before);
  holder("select pg_advisory_unlock(7)");
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(app.get()), &PQclear);
  EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), "got it");
}

}  // namespace
}  // namespace pgkeel::test
