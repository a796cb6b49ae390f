// Clients that come over a Unix socket, as libpq's host=DIR has them.
#include <gmock/gmock.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "integration/gateway/running_gateway.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::test {
namespace {

using gateway::SocketPeers;
using gateway::UnixListener;
using testing::HasSubstr;
namespace fs = std::filesystem;

class GatewayUnixSocket : public testing::Test {
 protected:
  GatewayUnixSocket() {
    server_.query("create role app login password 'secret'");
    server_.query("set password_encryption = 'md5'; create role old login password 'older'");
    server_.set_hba(
        "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\n"
        "local all old md5\nlocal all all scram-sha-256\n");
  }
  [[nodiscard]] GatewayOptions options(SocketPeers peers = SocketPeers::Prove) const {
    return {.scram = true, .socket_dir = dir_.path(), .socket_peers = peers};
  }

  PostgresServer server_;
  TempDir dir_;
};

/// What a process leaves that was killed: a socket nobody listens at.
void leave_socket(const fs::path& path) {
  const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = gateway::SocketAddress::of_unix(path.string()).value();
  ASSERT_EQ(::bind(made, reinterpret_cast<const sockaddr*>(&address.address), address.bytes), 0);
  ASSERT_EQ(::listen(made, 1), 0);
  ::close(made);
}

TEST_F(GatewayUnixSocket, AsksForThePasswordAsOverTcp) {
  // Goal: a right password gets in and opens the server, a wrong one and none are refused, whatever
  // is asked for of TLS; anybody may connect; over TCP nothing is different.
  const RunningGateway gateway(server_, options());
  Session one(gateway.local_conninfo("user=app password=secret sslmode=require"));
  EXPECT_EQ(one("select current_user"), "app");
  EXPECT_THAT(refusal_of(gateway.local_conninfo("user=app password=wrong")),
              HasSubstr("password authentication failed for user \"app\""));
  EXPECT_THAT(refusal_of(gateway.local_conninfo("user=app")), HasSubstr("no password supplied"));
  struct stat there{};
  ASSERT_EQ(::stat(gateway.socket_path().c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777U, 0777U);
  Session two(gateway.conninfo("user=app password=secret"));
  EXPECT_EQ(two("select current_user"), "app");
}

TEST_F(GatewayUnixSocket, HasNoTlsEvenWhereTcpMustHave) {
  // Goal: the bytes of an SSLRequest are answered 'N' as by PostgreSQL; a session needs none.
  auto wanted = options();
  wanted.tls = gateway::ClientTls::Require;
  const RunningGateway gateway(server_, wanted);
  EXPECT_THAT(refusal_of(gateway.conninfo("user=app password=secret")),
              HasSubstr("connections without SSL are not allowed"));
  Session local(gateway.local_conninfo("user=app password=secret"));
  EXPECT_EQ(local("select 1"), "1");
  const int raw = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = gateway::SocketAddress::of_unix(gateway.socket_path().string()).value();
  ASSERT_EQ(::connect(raw, reinterpret_cast<const sockaddr*>(&address.address), address.bytes), 0);
  const unsigned char asks[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
  ASSERT_EQ(::send(raw, asks, sizeof asks, 0), 8);
  char answer = 0;
  ASSERT_EQ(::recv(raw, &answer, 1, 0), 1);
  EXPECT_EQ(answer, 'N');
  ::close(raw);
}

TEST_F(GatewayUnixSocket, BelievesWhoReachesItWhereItIsTold) {
  // Goal: trust: no password is asked for there, and over TCP as ever; an md5 verifier opens a
  // server that asks for it, and a SCRAM one does not: the client is told so.
  const RunningGateway gateway(server_, options(SocketPeers::Trusted));
  Session admin(gateway.local_conninfo("user=postgres"));
  EXPECT_EQ(admin("select current_user"), "postgres");
  Session old(gateway.local_conninfo("user=old"));
  EXPECT_EQ(old("select current_user"), "old");
  EXPECT_THAT(refusal_of(gateway.local_conninfo("user=app")),
              HasSubstr("nothing known of the user answers that"));
  EXPECT_THAT(refusal_of(gateway.conninfo("user=old password=wrong")),
              HasSubstr("password authentication failed"));
  EXPECT_THAT(refusal_of(gateway.conninfo("user=app password=wrong")),
              HasSubstr("password authentication failed"));
}

TEST_F(GatewayUnixSocket, ABelievedClientTakesNoKeyFromOthers) {
  // Goal: between two clients that prove themselves one comes that is believed: the second opens a
  // server of its own all the same, and so does the third.
  const RunningGateway gateway(server_, options(SocketPeers::Trusted));
  Session first(gateway.conninfo("user=app password=secret"));
  EXPECT_EQ(first("select 1"), "1");
  Session believed(gateway.local_conninfo("user=app"));
  EXPECT_EQ(believed("select 1"), "1");
  Session third(gateway.conninfo("user=app password=secret"));
  EXPECT_EQ(third("select 1"), "1");
}

TEST_F(GatewayUnixSocket, ADeadSocketIsReplacedAndALivingOneIsNot) {
  // Goal: what a killed gateway left is no obstacle; another that lives is PortTaken and goes on;
  // a file is left alone; the end removes what is its own.
  const auto path = dir_.path() / ".s.PGSQL.6543";
  leave_socket(path);
  {
    const auto listener = UnixListener::at(path);
    ASSERT_TRUE(listener) << listener.error().message();
    const auto second = UnixListener::at(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::PortTaken);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
  {
    const auto first = UnixListener::at(path);
    ASSERT_TRUE(first);
    fs::remove(path);
    leave_socket(path);  // another's by now
  }
  EXPECT_TRUE(fs::exists(path));
  fs::remove(path);
  fs::create_directory(path);
  const auto refused = UnixListener::at(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Refused);
  EXPECT_FALSE(UnixListener::at((dir_.path() / "nowhere" / "s").string()));
  EXPECT_FALSE(fs::exists(dir_.path() / "nowhere"));
}

}  // namespace
}  // namespace pgkeel::test
