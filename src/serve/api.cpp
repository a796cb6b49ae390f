// Judging the options, then listening: the Unix socket first, because a guard without it cannot be
// commanded.
#include "serve/api.hpp"

#include <sys/stat.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/check.hpp"
#include "base/log.hpp"
#include "serve/route.hpp"

namespace pgkeel::serve {
namespace {

// Over this socket no token is asked, so nobody else may put another one in its place.
Result<> check_socket_directory(const std::filesystem::path& directory) {
  struct stat facts{};
  if (::stat(directory.c_str(), &facts) != 0)
    return fail_errno(errno, "look at " + directory.string());
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  auto error = Error(ErrorCode::Permission,
                     fmt::format("{} is writable by others (mode {:04o}), so its socket cannot be "
                                 "trusted",
                                 directory.string(), facts.st_mode & 07777U));
  return fail(std::move(error).with_hint(fmt::format("Run: chmod 700 {}", directory.string())));
}

Result<std::shared_ptr<const Context>> make_context(const Sources& sources,
                                                    const ApiOptions& options) {
  CHECK(sources.status && sources.control && sources.incidents && sources.logs);
  auto context = std::make_shared<Context>();
  context->sources = sources;
  if (!options.token_file.empty()) {
    TRY(token, Token::load(options.token_file));
    context->token = std::move(token);
  }
  return context;
}

}  // namespace

struct Api::Server {
  Server(runtime::Loop& loop, const ContextPtr& context)
      : http(loop, [context](HttpRequest request) { return answer(context, std::move(request)); }) {
  }
  runtime::HttpServer http;
};

Api::Api() = default;
Api::~Api() = default;

Result<std::unique_ptr<Api>> Api::create(runtime::Loop& loop, Sources sources, ApiOptions options) {
  TRY(context, make_context(sources, options));
  std::unique_ptr<Api> api(new Api);
  api->server_ = std::make_unique<Server>(loop, context);
  if (!options.unix_socket.empty()) {
    TRY_VOID(check_socket_directory(options.unix_socket.parent_path()));
    TRY_VOID(api->server_->http.listen_unix(options.unix_socket, options.unix_mode));
  }
  if (!options.tcp_host.empty()) {
    TRY(port, api->server_->http.listen_tcp(options.tcp_host, options.tcp_port));
    api->tcp_port_ = port;
  }
  log_info("api listens", {{"unix_socket", options.unix_socket.string()},
                           {"tcp", options.tcp_host.empty()
                                       ? std::string("off")
                                       : fmt::format("{}:{}", options.tcp_host, api->tcp_port_)},
                           {"token", context->token.has_value()}});
  return api;
}

}  // namespace pgkeel::serve
