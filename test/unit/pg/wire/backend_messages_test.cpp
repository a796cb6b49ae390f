// What a server says, read from bytes written down here and written again.
#include "pg/wire/backend_messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/wire/login_messages.hpp"

namespace pgkeel::pg::wire::backend {
namespace {

using namespace std::literals;
using testing::ElementsAre;
using Kind = Authentication::Kind;

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

template <class Message>
void expect_exact(const std::string& body) {
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_FALSE(Message::decode(bytes_of(body.substr(0, size))).has_value()) << size;
  EXPECT_FALSE(Message::decode(bytes_of(body + "x")).has_value());
}

TEST(Rows, HaveColumnsAndValues) {
  // Goal: every field of a column; NULL, empty and binary values.
  const auto columns = "\0\1id\0\0\0\x40\1\0\2\0\0\0\x17\0\4\xff\xff\xff\xff\0\1"s;
  const auto description = RowDescription::decode(bytes_of(columns)).value();
  ASSERT_EQ(description.columns.size(), 1U);
  const auto column = *description.columns.begin();
  EXPECT_EQ(column.name, "id");
  EXPECT_EQ(column.table, Oid(0x4001));
  EXPECT_EQ(column.attribute, 2);
  EXPECT_EQ(column.type, kInt4Type);
  EXPECT_EQ(column.type_bytes, 4);
  EXPECT_EQ(column.modifier, -1);
  EXPECT_EQ(column.format, Format::Binary);
  expect_exact<RowDescription>(columns);
  ByteBuffer out;
  append_row_description(out, description.columns);
  EXPECT_EQ(body_of('T', out), columns);

  const auto values = "\0\3\0\0\0\1\0\xff\xff\xff\xff\0\0\0\0"s;
  const auto row = DataRow::decode(bytes_of(values)).value();
  EXPECT_THAT(listed(row.values), ElementsAre("\0"s, std::nullopt, ""s));
  expect_exact<DataRow>(values);
  out.clear();
  append_data_row(out, row.values);
  EXPECT_EQ(body_of('D', out), values);
}

TEST(ReadyForQuery, HasOneOfThreeStatuses) {
  // Goal: hazard 13: I, T and E are told apart; anything else is refused.
  ByteBuffer out;
  append(out, ReadyForQuery{TransactionStatus::Failed});
  EXPECT_EQ(ReadyForQuery::decode(bytes_of(body_of('Z', out))).value().status,
            TransactionStatus::Failed);
  EXPECT_FALSE(ReadyForQuery::decode(bytes_of("X")).has_value());
  EXPECT_FALSE(ReadyForQuery::decode(bytes_of("\0"sv)).has_value());
  expect_exact<ReadyForQuery>("I");
}

TEST(Errors, HaveFieldsByCode) {
  // Goal: fields in order, the plain severity before the localized one, an end that is the end.
  const auto body = "SFEHLER\0VERROR\0C42P01\0MRelation fehlt\0\0"s;
  const auto error = ErrorFields::decode(bytes_of(body)).value();
  EXPECT_EQ(error.severity(), "ERROR");
  EXPECT_EQ(error.sqlstate(), "42P01");
  EXPECT_EQ(error.message(), "Relation fehlt");
  EXPECT_FALSE(error.ends_session());
  expect_exact<ErrorFields>(body);
  ByteBuffer out;
  append_error_fields(out, error.fields, ReportAs::Notice);
  EXPECT_EQ(body_of('N', out), body);
}

TEST(Errors, MayLackAnyField) {
  // Goal: CVE-2026-6666: no SQLSTATE, no message, no field at all: empty, never a crash.
  const auto bare = ErrorFields::decode(bytes_of("\0"sv)).value();
  EXPECT_EQ(bare.sqlstate(), "");
  EXPECT_EQ(bare.severity(), "");
  EXPECT_EQ(ErrorFields::decode(bytes_of("SFATAL\0\0"sv)).value().ends_session(), true);
  EXPECT_FALSE(ErrorFields::decode(bytes_of(""sv)).has_value());
}

TEST(Errors, AreBoundedInTheirFields) {
  // Goal: an error of fields without end is refused.
  std::string body;
  for (int i = 0; i < 300; ++i) body += "Mx\0"s;
  EXPECT_FALSE(ErrorFields::decode(bytes_of(body + '\0')).has_value());
}

TEST(Errors, AreToldWithWhatIsKnown) {
  // Goal: a report has both severities; what is empty is left out.
  ByteBuffer out;
  append(out, ErrorReport{.severity = "FATAL", .sqlstate = "57P03", .message = "wait"});
  EXPECT_EQ(body_of('E', out), "SFATAL\0VFATAL\0C57P03\0Mwait\0\0"s);
}

TEST(Authentication, IsReadInEveryKind) {
  // Goal: each kind with what follows it; a SASL list to its end; an unknown kind is named.
  const auto decoded = [](std::string_view body) {
    return Authentication::decode(bytes_of(body)).value();
  };
  EXPECT_EQ(decoded("\0\0\0\0"sv).kind, Kind::Ok);
  EXPECT_EQ(decoded("\0\0\0\3"sv).kind, Kind::CleartextPassword);
  EXPECT_EQ(decoded("\0\0\0\5salt"sv).bytes, "salt");
  EXPECT_THAT(listed(decoded("\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv).mechanisms),
              ElementsAre("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
  EXPECT_EQ(decoded("\0\0\0\x0br=x"sv).bytes, "r=x");
  EXPECT_EQ(decoded("\0\0\0\x0cv=x"sv).bytes, "v=x");
  EXPECT_EQ(to_string(decoded("\0\0\0\7"sv).kind), "gss");
  EXPECT_EQ(Authentication::decode(bytes_of("\0\0\0\x63"sv)).error().detail,
            "an authentication request of kind 99");
  expect_exact<Authentication>("\0\0\0\5salt"s);
  expect_exact<Authentication>("\0\0\0\x0aSCRAM-SHA-256\0\0"s);
  ByteBuffer out;
  append_sasl(out, decoded("\0\0\0\x0a"
                           "A\0B\0\0"sv)
                       .mechanisms);
  EXPECT_EQ(body_of('R', out),
            "\0\0\0\x0a"
            "A\0B\0\0"s);
}

TEST(BackendKeyData, HasAKeyOfEitherProtocol) {
  // Goal: hazard 3: 4 bytes as in 3.0, up to 256 as in 3.2, none beyond.
  for (const std::size_t bytes : {4U, 32U, 256U}) {
    ByteBuffer out;
    const std::string key(bytes, 'k');
    append(out, BackendKeyData{77, key});
    const auto read = BackendKeyData::decode(ByteSpan(out).subspan(5)).value();
    EXPECT_EQ(read.process_id, 77U);
    EXPECT_EQ(read.key, key);
  }
  EXPECT_FALSE(BackendKeyData::decode(bytes_of("\0\0\0\1abc"sv)).has_value());
  EXPECT_FALSE(BackendKeyData::decode(bytes_of(std::string(261, 'k'))).has_value());
}

TEST(NegotiateProtocolVersion, NamesOptions) {
  // Goal: version and names; a count that lies is refused.
  const auto body = "\0\3\0\0\0\0\0\1_pq_.x\0"s;
  const auto message = NegotiateProtocolVersion::decode(bytes_of(body)).value();
  EXPECT_EQ(message.version, 0x30000U);
  EXPECT_THAT(listed(message.unknown_options), ElementsAre("_pq_.x"));
  expect_exact<NegotiateProtocolVersion>(body);
  EXPECT_FALSE(
      NegotiateProtocolVersion::decode(bytes_of("\0\3\0\0\xff\xff\xff\xff"sv)).has_value());
}

TEST(Others, ComeBackAsTheyWere) {
  // Goal: the messages of one or two fields, and copies in each direction.
  ByteBuffer out;
  append(out, CommandComplete{"INSERT 0 1"});
  EXPECT_EQ(CommandComplete::decode(bytes_of(body_of('C', out))).value().tag, "INSERT 0 1");
  out.clear();
  append(out, NotificationResponse{9, "channel", "payload"});
  const auto body = body_of('A', out);
  EXPECT_EQ(NotificationResponse::decode(bytes_of(body)).value().payload, "payload");
  expect_exact<NotificationResponse>(body);
  out.clear();
  append(out, ParameterStatus{"TimeZone", "UTC"});
  expect_exact<ParameterStatus>(body_of('S', out));
  out.clear();
  append(out, FunctionCallResponse{std::nullopt});
  EXPECT_EQ(FunctionCallResponse::decode(bytes_of(body_of('V', out))).value().result, std::nullopt);
  const auto copy = "\1\0\2\0\1\0\1"s;
  const auto response = CopyResponse::decode(bytes_of(copy)).value();
  out.clear();
  append_copy_response(out, CopyDirection::Out, response.format, response.columns);
  EXPECT_EQ(body_of('H', out), copy);
  expect_exact<CopyResponse>(copy);
  const auto types = "\0\2\0\0\0\x17\0\0\0\x19"s;
  out.clear();
  append_parameter_description(out, ParameterDescription::decode(bytes_of(types)).value().types);
  EXPECT_EQ(body_of('t', out), types);
}

}  // namespace
}  // namespace pgkeel::pg::wire::backend
