// TLS over buffers: both sides in one process, cut anywhere, and what must not come about.
#include "gateway/tls/channel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/tls_certificate.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::ByteBuffer;
using State = TlsChannel::State;
using test::TlsCertificate;
using testing::HasSubstr;

const TlsCertificate& authority() {
  static const TlsCertificate made("an authority");
  return made;
}
const TlsCertificate& server_certificate() {
  static const TlsCertificate made("db", "DNS:db.example,IP:127.0.0.1", &authority());
  return made;
}

Result<TlsContext> server_context(const TlsCertificate& certificate = server_certificate(),
                                  std::string_view client_authorities = {}) {
  const auto pem = certificate.pem();
  const auto key = certificate.key_pem();
  return TlsContext::server({pem, key}, client_authorities);
}

/// One end, with what it is about to send and what it was sent.
struct End {
  TlsChannel channel;
  ByteBuffer to_send = {};
  std::string received = {};
  std::optional<Error> error = {};

  void take(ByteSpan ciphertext) {
    std::array<std::byte, 100> room{};  // less than a record holds
    while (!error && channel.state() != State::Failed) {
      const auto plaintext = channel.receive(ciphertext, room, to_send);
      if (!plaintext) error = plaintext.error();
      else if (plaintext->empty()) break;
      else received += pg::wire::text_of(*plaintext);
    }
  }
  void say(std::string_view text) {
    ASSERT_TRUE(channel.send(pg::wire::bytes_of(text), to_send).has_value());
  }
};

/// Brings what either end wants to send to the other, in pieces, until both are quiet.
void exchange(End& a, End& b, std::size_t piece = SIZE_MAX) {
  while (!a.to_send.empty() || !b.to_send.empty()) {
    for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      const auto bytes = std::exchange(from->to_send, {});
      for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size()))
        to->take(ByteSpan(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
  }
}

struct Pair {
  End client;
  End server;

  Pair(const TlsContext& client_context, const TlsContext& server_side,
       TlsOpening opening = TlsOpening::Requested, const std::string& host = "db.example")
      : client{TlsChannel::connect(client_context, host, opening).value()},
        server{TlsChannel::accept(server_side, opening).value()} {
    EXPECT_TRUE(client.channel.start(client.to_send).has_value());
  }
  [[nodiscard]] bool open() const {
    return client.channel.state() == State::Open && server.channel.state() == State::Open;
  }
};

TlsContext full_client() { return TlsContext::client(TlsVerify::Full, authority().pem()).value(); }

TEST(TlsChannel, CarriesBytesHoweverItIsCut) {
  // Goal: the handshake and records of any length, whole and cut in pieces of any size.
  const auto server = server_context().value();
  const auto client = full_client();
  const std::string longer(100'000, 'x');
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, SIZE_MAX})
    for (const auto opening : {TlsOpening::Requested, TlsOpening::Direct}) {
      Pair pair(client, server, opening);
      exchange(pair.client, pair.server, piece);
      ASSERT_TRUE(pair.open());
      pair.client.say("hello");
      pair.server.say(longer);
      exchange(pair.client, pair.server, piece);
      EXPECT_EQ(pair.server.received, "hello");
      EXPECT_EQ(pair.client.received, longer);
    }
}

TEST(TlsChannel, TellsTheEnd) {
  // Goal: close_notify is told apart from a stream that stops; what came before it is complete.
  const auto server = server_context().value();
  Pair pair(full_client(), server);
  exchange(pair.client, pair.server);
  pair.client.say("last");
  pair.client.channel.close(pair.client.to_send);
  exchange(pair.client, pair.server);
  EXPECT_EQ(pair.server.received, "last");
  EXPECT_EQ(pair.server.channel.state(), State::Closed);
}

TEST(TlsChannel, BindsTheEndPoint) {
  // Goal: hazard 6: both ends know the same hash of the certificate; an Ed25519 one has none.
  const auto server = server_context().value();
  Pair pair(full_client(), server);
  exchange(pair.client, pair.server);
  EXPECT_EQ(server.end_point().size(), 32U);
  EXPECT_EQ(pair.client.channel.peer_end_point(), server.end_point());
  EXPECT_EQ(server_context(TlsCertificate("db", "", nullptr, "ED25519"))->end_point(), "");
}

TEST(TlsChannel, VerifiesTheServer) {
  // Goal: verify-full: the authority and the name, or the address; verify-ca: the authority alone.
  const auto server = server_context().value();
  const auto opens = [&](const TlsContext& client, const std::string& host) {
    Pair pair(client, server, TlsOpening::Requested, host);
    exchange(pair.client, pair.server);
    if (pair.open()) return true;
    EXPECT_EQ(pair.client.error->code, ErrorCode::AuthFailed);
    EXPECT_THAT(pair.server.error->message(), HasSubstr("alert"));
    return false;
  };
  EXPECT_TRUE(opens(full_client(), "db.example"));
  EXPECT_TRUE(opens(full_client(), "127.0.0.1"));
  EXPECT_FALSE(opens(full_client(), "127.0.0.2"));
  EXPECT_FALSE(opens(full_client(), "other.example"));
  EXPECT_TRUE(opens(TlsContext::client(TlsVerify::Authority, authority().pem()).value(), "other"));
  const auto stranger = TlsCertificate("an authority").pem();
  EXPECT_FALSE(opens(TlsContext::client(TlsVerify::Authority, stranger).value(), "db.example"));
  EXPECT_TRUE(opens(TlsContext::client(TlsVerify::None).value(), "10.0.0.1"));
  EXPECT_FALSE(TlsChannel::connect(full_client(), "", TlsOpening::Requested).has_value());
}

TEST(TlsChannel, DirectTlsNeedsTheProtocol) {
  // Goal: hazard 1: without ALPN only after a request; with another protocol never.
  const auto server = server_context().value();
  const auto client = TlsContext::client(TlsVerify::None).value();
  for (const auto opening : {TlsOpening::Requested, TlsOpening::Direct})
    for (const std::string_view offered : {"", "\x08http/1.1"}) {
      const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(client.get()), SSL_free);
      auto* from = BIO_new(BIO_s_mem());
      auto* to = BIO_new(BIO_s_mem());
      SSL_set_bio(tls.get(), from, to);
      SSL_set_connect_state(tls.get());
      SSL_set_alpn_protos(tls.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                          static_cast<unsigned>(offered.size()));
      End end{TlsChannel::accept(server, opening).value()};
      for (int round = 0; round < 3; ++round) {
        SSL_do_handshake(tls.get());
        char* said = nullptr;
        const auto bytes = BIO_get_mem_data(to, &said);
        end.take(std::as_bytes(std::span(said, static_cast<std::size_t>(bytes))));
        BIO_reset(to);
        BIO_write(from, end.to_send.data(), static_cast<int>(end.to_send.size()));
        end.to_send.clear();
      }
      const auto fine = offered.empty() && opening == TlsOpening::Requested;
      EXPECT_EQ(end.channel.state(), fine ? State::Open : State::Failed);
      EXPECT_EQ(end.error.has_value(), !fine);
    }
}

TEST(TlsChannel, KnowsTheClientsName) {
  // Goal: a certificate of our authority names its client; a stranger's is refused, none is fine.
  const auto server = server_context(server_certificate(), authority().pem()).value();
  const auto name_of = [&](const TlsContext& client) {
    Pair pair(client, server);
    exchange(pair.client, pair.server);
    return pair.server.error ? std::optional<std::string>("refused")
                             : pair.server.channel.peer_common_name();
  };
  const auto with = [](const TlsCertificate& certificate) {
    const auto pem = certificate.pem();
    const auto key = certificate.key_pem();
    return TlsContext::client(TlsVerify::Full, authority().pem(), {pem, key}).value();
  };
  EXPECT_EQ(name_of(with(TlsCertificate("app", "", &authority()))), "app");
  EXPECT_EQ(name_of(full_client()), std::nullopt);
  EXPECT_EQ(name_of(with(TlsCertificate("app"))), "refused");
  EXPECT_EQ(name_of(with(TlsCertificate(std::string("app\0x", 5), "", &authority()))),
            std::nullopt);
}

TEST(TlsChannel, RefusesWhatIsNoTls) {
  // Goal: words in clear, a record too long, bytes changed on their way: an error, once.
  const auto server = server_context().value();
  for (const std::string_view said : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\x01"}) {
    End end{TlsChannel::accept(server, TlsOpening::Direct).value()};
    end.take(pg::wire::bytes_of(said));
    EXPECT_EQ(end.error->code, ErrorCode::ConnectionFailed);
    EXPECT_EQ(end.channel.state(), State::Failed);
  }
  Pair pair(full_client(), server);
  exchange(pair.client, pair.server);
  pair.client.say("hello");
  pair.client.to_send.back() ^= std::byte{1};
  exchange(pair.client, pair.server);
  EXPECT_TRUE(pair.server.error.has_value());
  EXPECT_EQ(pair.server.received, "");
}

TEST(TlsContext, RefusesWhatDoesNotFit) {
  // Goal: the reason is named, nothing is asked at a terminal, nothing of a key is repeated.
  const auto pem = server_certificate().pem();
  const auto key = server_certificate().key_pem();
  const auto reason = [](const TlsIdentity& identity, std::string_view authorities = {}) {
    return TlsContext::server(identity, authorities).error().message();
  };
  EXPECT_THAT(reason({"", key}), HasSubstr("no certificate in PEM"));
  EXPECT_THAT(reason({pem, ""}), HasSubstr("no private key"));
  EXPECT_THAT(reason({pem, server_certificate().encrypted_key_pem()}), HasSubstr("encrypted"));
  EXPECT_THAT(reason({pem, authority().key_pem()}), HasSubstr("not that of the certificate"));
  EXPECT_THAT(reason({pem, key}, "nonsense"), HasSubstr("no authority"));
  EXPECT_THAT(reason({std::string(2U << 20U, 'x'), key}), HasSubstr("no certificate"));
}

}  // namespace
}  // namespace pgkeel::gateway
