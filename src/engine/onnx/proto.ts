/**
 * @file The part of ONNX's protobuf schema that we write (onnx.proto of ONNX 1.17, IR version 10), as writer functions.
 * Field numbers are the schema's.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Attribute, DType } from "../graph/value.js";

const VARINT = 0;
const FIXED32 = 5;
const BYTES = 2;

/** TensorProto.DataType */
export const DATA_TYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** A message under construction. */
export class Message {
  private readonly writer = new BinaryWriter();

  /** An integer field. */
  int(field: number, value: number): this {
    this.writer.tag(field, VARINT).int64(value);
    return this;
  }
  /** A float field. */
  float(field: number, value: number): this {
    this.writer.tag(field, FIXED32).float(value);
    return this;
  }
  /** A text field. */
  text(field: number, value: string): this {
    this.writer.tag(field, BYTES).string(value);
    return this;
  }
  /** A bytes field. */
  bytes(field: number, value: Uint8Array): this {
    this.writer.tag(field, BYTES).bytes(value);
    return this;
  }
  /** A message field. */
  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }
  /** The encoded message. */
  finish(): Uint8Array {
    return this.writer.finish();
  }
}

/** AttributeProto */
export function attributeProto(name: string, value: Attribute): Message {
  const proto = new Message().text(1, name);
  if (typeof value === "number") return proto.int(3, value).int(20, ATTRIBUTE_TYPES.int);
  if (typeof value === "string") return proto.bytes(4, Buffer.from(value)).int(20, ATTRIBUTE_TYPES.string);
  if ("float" in value) return proto.float(2, value.float).int(20, ATTRIBUTE_TYPES.float);
  for (const item of value) proto.int(8, item);
  return proto.int(20, ATTRIBUTE_TYPES.ints);
}

/** ValueInfoProto of a tensor; symbolic dimensions by name. */
export function valueInfoProto(name: string, dtype: DType, shape: readonly (number | string)[]): Message {
  const dims = new Message();
  for (const dim of shape)
    dims.message(1, typeof dim === "number" ? new Message().int(1, dim) : new Message().text(2, dim));
  const tensorType = new Message().int(1, DATA_TYPES[dtype]).message(2, dims);
  return new Message().text(1, name).message(2, new Message().message(1, tensorType));
}

/** TensorProto with its bytes inside. */
export function tensorProto(name: string, dtype: DType, shape: readonly number[], raw: Uint8Array): Message {
  return tensorHead(name, dtype, shape).bytes(9, raw);
}

/** TensorProto whose bytes lie in a file. */
export function externalTensorProto(
  name: string,
  dtype: DType,
  shape: readonly number[],
  place: { readonly file: string; readonly offset: number; readonly length: number },
): Message {
  const proto = tensorHead(name, dtype, shape);
  const entries = { location: place.file, offset: `${place.offset}`, length: `${place.length}` };
  for (const [key, value] of Object.entries(entries))
    proto.message(13, new Message().text(1, key).text(2, value));
  return proto.int(14, 1);
}

function tensorHead(name: string, dtype: DType, shape: readonly number[]): Message {
  const proto = new Message();
  for (const dim of shape) proto.int(1, dim);
  return proto.int(2, DATA_TYPES[dtype]).text(8, name);
}
