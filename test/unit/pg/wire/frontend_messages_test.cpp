// What a client says, read from bytes written down here and written again.
#include "pg/wire/frontend_messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::pg::wire::frontend {
namespace {

using namespace std::literals;
using testing::ElementsAre;

/// The body of what a builder wrote, after its header was looked at.
std::string body_of(char type, const ByteBuffer& message) {
  const auto text = std::string(text_of(message));
  EXPECT_EQ(text[0], type);
  EXPECT_EQ(static_cast<unsigned char>(text[4]), text.size() - 1);
  return text.substr(5);
}

template <class Items>
auto listed(const Items& items) {
  return std::vector(items.begin(), items.end());
}

/// Every proper prefix of a body, and the body with a byte more, must be refused.
template <class Message>
void expect_exact(const std::string& body) {
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_FALSE(Message::decode(bytes_of(body.substr(0, size))).has_value()) << size;
  EXPECT_FALSE(Message::decode(bytes_of(body + "x")).has_value());
}

TEST(Query, IsOneText) {
  // Goal: no NUL, or bytes behind it, are no query.
  ByteBuffer out;
  append(out, Query{"select 'ä'"});
  const auto body = body_of('Q', out);
  EXPECT_EQ(Query::decode(bytes_of(body)).value().sql, "select 'ä'");
  expect_exact<Query>(body);
}

TEST(Parse, HasNameSqlAndTypes) {
  // Goal: fields in their order; anything more or less is refused.
  const auto body = "s1\0select $1\0\0\2\0\0\0\x17\0\0\0\0"s;
  const auto parse = Parse::decode(bytes_of(body)).value();
  EXPECT_EQ(parse.statement, "s1");
  EXPECT_EQ(parse.sql, "select $1");
  EXPECT_THAT(listed(parse.parameter_types), ElementsAre(Oid(23), Oid(0)));
  ByteBuffer out;
  append_parse(out, parse.statement, parse.sql, parse.parameter_types);
  EXPECT_EQ(body_of('P', out), body);
  expect_exact<Parse>(body);
}

TEST(Bind, HasNamesFormatsAndValues) {
  // Goal: NULL, an empty value and bytes that are no text; both lists of formats.
  const auto body = "p\0s\0\0\1\0\1\0\3\xff\xff\xff\xff\0\0\0\0\0\0\0\2\0\xff\0\2\0\0\0\1"s;
  const auto bind = Bind::decode(bytes_of(body)).value();
  EXPECT_EQ(bind.portal, "p");
  EXPECT_EQ(bind.statement, "s");
  EXPECT_THAT(listed(bind.parameter_formats), ElementsAre(Format::Binary));
  EXPECT_THAT(listed(bind.parameters), ElementsAre(std::nullopt, ""s, "\0\xff"s));
  EXPECT_THAT(listed(bind.result_formats), ElementsAre(Format::Text, Format::Binary));
  ByteBuffer out;
  append_bind(out, bind.portal, bind.statement, bind.parameter_formats, bind.parameters,
              bind.result_formats);
  EXPECT_EQ(body_of('B', out), body);
  expect_exact<Bind>(body);
}

TEST(Bind, RefusesLengthsThatCannotBe) {
  // Goal: a value longer than the body, or of a negative length other than NULL's.
  for (const auto& length : {"\x7f\xff\xff\xff"s, "\x80\0\0\0"s, "\xff\xff\xff\xfe"s, "\0\0\0\3"s})
    EXPECT_FALSE(Bind::decode(bytes_of("\0\0\0\0\0\1"s + length + "\0\0"s)).has_value());
}

TEST(DescribeAndClose, SpeakOfAStatementOrAPortal) {
  // Goal: nothing else than these two kinds.
  ByteBuffer out;
  append(out, Describe{Target::Portal, "p"});
  EXPECT_EQ(body_of('D', out), "Pp\0"s);
  out.clear();
  append(out, Close{Target::Statement, "s"});
  EXPECT_EQ(body_of('C', out), "Ss\0"s);
  const auto close = Close::decode(bytes_of("Ss\0"sv)).value();
  EXPECT_EQ(close.target, Target::Statement);
  EXPECT_EQ(close.name, "s");
  EXPECT_FALSE(Describe::decode(bytes_of("Xs\0"sv)).has_value());
  expect_exact<Describe>("Pp\0"s);
}

TEST(Execute, HasItsLimit) {
  // Goal: hazard 14: the number of rows as the client gave it.
  ByteBuffer out;
  append(out, Execute{"p", 7});
  const auto body = body_of('E', out);
  EXPECT_EQ(body, "p\0\0\0\0\7"s);
  EXPECT_EQ(Execute::decode(bytes_of(body)).value().row_limit, 7);
  expect_exact<Execute>(body);
}

TEST(FunctionCall, HasArguments) {
  // Goal: hazard 20: as libpq calls lo_close().
  const auto body = "\0\0\3\xb9\0\1\0\1\0\1\0\0\0\4\0\0\0\0\0\1"s;
  const auto call = FunctionCall::decode(bytes_of(body)).value();
  EXPECT_EQ(call.function, Oid(953));
  EXPECT_EQ(call.arguments.size(), 1U);
  EXPECT_EQ(call.result_format, Format::Binary);
  ByteBuffer out;
  append_function_call(out, call.function, call.argument_formats, call.arguments,
                       call.result_format);
  EXPECT_EQ(body_of('F', out), body);
  expect_exact<FunctionCall>(body);
}

TEST(Authenticating, AnswersAreOfOneType) {
  // Goal: a first SASL message with and without data, a following one, a password.
  ByteBuffer out;
  append(out, SaslInitialResponse{"SCRAM-SHA-256", "n,,n=,r=x"});
  const auto body = body_of('p', out);
  const auto first = SaslInitialResponse::decode(bytes_of(body)).value();
  EXPECT_EQ(first.mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(first.response, "n,,n=,r=x");
  expect_exact<SaslInitialResponse>(body);
  EXPECT_EQ(SaslInitialResponse::decode(bytes_of("X\0\xff\xff\xff\xff"sv)).value().response,
            std::nullopt);
  out.clear();
  append(out, SaslResponse{"c=biws"});
  EXPECT_EQ(body_of('p', out), "c=biws");
  out.clear();
  append(out, Password{"secret"});
  EXPECT_EQ(Password::decode(bytes_of(body_of('p', out))).value().password, "secret");
}

TEST(Copying, HasDataAndAnEnd) {
  // Goal: data in two parts, an end, and a reason to give up.
  ByteBuffer out;
  append_copy_data(out, bytes_of("ab"), bytes_of("c"));
  EXPECT_EQ(body_of('d', out), "abc");
  out.clear();
  append_bare<CopyDone>(out);
  EXPECT_EQ(body_of('c', out), "");
  out.clear();
  append(out, CopyFail{"no more"});
  EXPECT_EQ(CopyFail::decode(bytes_of(body_of('f', out))).value().reason, "no more");
}

TEST(Builders, LetNoTextPassForMoreFields) {
  // Goal: a NUL in a text ends it; what stands behind it does not become a field.
  ByteBuffer out;
  append(out, Close{Target::Statement, std::string_view("s\0Pp\0", 5)});
  EXPECT_EQ(body_of('C', out), "Ss\0"s);
}

}  // namespace
}  // namespace pgkeel::pg::wire::frontend
