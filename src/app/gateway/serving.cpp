// See serving.hpp.
#include "app/gateway/serving.hpp"

#include <netdb.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "app/psql_target.hpp"
#include "client/connection.hpp"
#include "gateway/credentials/file_verifiers.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCertificateBytesMost = 1U << 20U;
constexpr Millis kAskPatience{3000};
constexpr std::uint16_t kDefaultPort = 5432;
constexpr const char* kApplication = "pgkeel_gateway";

// What pg_authid has, for who may log in now. As the guard's own role, which may read it.
constexpr const char* kVerifier =
    "select rolpassword from pg_catalog.pg_authid where rolname = $1 and rolcanlogin"
    " and rolpassword is not null"
    " and (rolvaliduntil is null or rolvaliduntil > pg_catalog.now())";

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> addresses_of(const std::string& host, std::uint16_t port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0)
    return fail(ErrorCode::ConnectionFailed,
                fmt::format("no address of {}: {}", host, ::gai_strerror(failed)));
  return Addresses(found);
}

// Clients prove themselves by passwords, which the server's Unix socket seldom asks for: over TCP.
Result<gateway::SocketAddress> server_address(const Config& config, const pg::Conninfo& conninfo) {
  const auto hosts = conninfo.hosts();
  const auto host = hosts.empty() ? pg::ConninfoHost{} : hosts.front();
  const bool local = host.host.empty() || host.host.starts_with('/') || host.host.starts_with('@');
  const auto name = local ? std::string("127.0.0.1") : host.host;
  const auto port = host.port == 0 ? kDefaultPort : host.port;
  if (const auto& directory = config.gateway.server_socket; !directory.empty())
    return gateway::SocketAddress::of_unix(directory / fmt::format(".s.PGSQL.{}", port));
  TRY(found, addresses_of(name, port, 0));
  gateway::SocketAddress address;
  std::memcpy(&address.address, found->ai_addr, found->ai_addrlen);
  address.bytes = found->ai_addrlen;
  address.text = fmt::format("{}:{}", name, port);
  return address;
}

Result<std::shared_ptr<const gateway::TlsContext>> tls_of(const fs::path& file) {
  TRY(pem, runtime::read_file(file, kCertificateBytesMost));
  auto key = pem;
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    auto beside = file;
    TRY(read, runtime::read_file(beside.replace_extension(".key"), kCertificateBytesMost));
    key = std::move(read);
  }
  auto made = gateway::TlsContext::server({pem, key});
  if (!made)
    return fail(Error(ErrorCode::ConfigBadValue,
                      fmt::format("gateway.tls_cert {}: {}", file.string(), made.error().message()))
                    .with_hint("A PEM file with the certificate first and its key behind it, or "
                               "the key beside it with .key for its extension."));
  return std::make_shared<const gateway::TlsContext>(std::move(*made));
}

/// A session of the asking thread, which stays open between questions.
class Asker {
 public:
  explicit Asker(ServerTarget target) : target_(std::move(target)) {}

  gateway::StoredVerifier ask(const std::string& user) {
    const bool fresh = !session_;
    auto answer = loop_.run_until_complete(asked(user));
    if (answer) return answer;
    session_.reset();
    // A session that was open may have ended long ago without anybody's noticing.
    if (!fresh) answer = loop_.run_until_complete(asked(user));
    if (!answer) session_.reset();
    return answer;
  }

 private:
  runtime::Task<gateway::StoredVerifier> asked(std::string user) {
    if (!session_) {
      client::ConnectOptions options;
      options.deadline = loop_.after(kAskPatience);
      options.connect_as = target_.connect_as;
      options.application_name = kApplication;
      options.settings = {{"search_path", "pg_catalog"}};
      auto opened = co_await client::Connection::open(loop_, target_.conninfo, std::move(options));
      if (!opened) co_return fail(opened.error().error);
      session_.emplace(std::move(*opened));
    }
    const auto rows = co_await session_->query(kVerifier, {user}, loop_.after(kAskPatience));
    if (!rows) co_return fail(rows.error().error);
    if (rows->empty()) co_return std::nullopt;
    auto stored = gateway::parse_stored_password(rows->text(0, 0).value_or(""));
    if (!stored) co_return std::nullopt;
    co_return std::move(*stored);
  }

  ServerTarget target_;
  runtime::Loop loop_;
  std::optional<client::Connection> session_;
};

}  // namespace

Result<std::shared_ptr<const gateway::Settings>> gateway_settings(const Config& config) {
  const auto& wanted = config.gateway;
  auto settings = std::make_shared<gateway::Settings>();
  TRY(target, find_server_target(config));
  settings->admin_user = target.conninfo.user.empty() ? "postgres" : target.conninfo.user;
  settings->version = PGKEEL_VERSION;
  TRY(server, server_address(config, target.conninfo));
  settings->server = std::move(server);
  settings->pool.sharing = wanted.pool == GatewayPool::Session ? gateway::Sharing::Session
                                                               : gateway::Sharing::Transaction;
  settings->pool.size = static_cast<std::size_t>(wanted.size);
  settings->pool.wait_most = wanted.hold_max;
  settings->terms.tls = gateway::ClientTls::Off;
  const auto seed = settings->terms.mock_seed.bytes();
  CHECK(::getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size()));
  if (!wanted.tls_cert.empty()) {
    TRY(tls, tls_of(wanted.tls_cert));
    settings->tls = std::move(tls);
    settings->terms.tls = gateway::ClientTls::Allow;
  }
  return settings;
}

Result<std::unique_ptr<gateway::VerifierSource>> verifier_source(
    const Config& config, gateway::AskedVerifiers::Post post) {
  if (config.gateway.auth == GatewayAuth::File) {
    const auto& path = config.gateway.auth_file;
    if (path.empty())
      return fail(Error(ErrorCode::ConfigBadValue, "gateway.auth is file, and there is none")
                      .with_hint("Set gateway.auth_file to a file of users and passwords."));
    TRY(text, runtime::read_file(path, gateway::kPasswordFileBytesMost));
    TRY(file, gateway::PasswordFile::parse(text));
    return std::make_unique<gateway::FileVerifiers>(std::move(file));
  }
  TRY(target, find_server_target(config));
  auto asker = std::make_shared<Asker>(std::move(target));
  return std::make_unique<gateway::AskedVerifiers>(
      [asker](const std::string& user) { return asker->ask(user); }, std::move(post),
      config.gateway.hold_max);
}

Result<int> listen_at(const ListenAddress& address) {
  TRY(found, addresses_of(address.host, address.port, AI_PASSIVE));
  const int made = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) return fail(Error::from_errno(errno, "socket"));
  const int on = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(made, found->ai_addr, found->ai_addrlen) == 0 && ::listen(made, SOMAXCONN) == 0)
    return made;
  const auto error =
      Error::from_errno(errno, fmt::format("gateway.listen {}:{}", address.host, address.port));
  ::close(made);
  return fail(error);
}

}  // namespace pgkeel::app
