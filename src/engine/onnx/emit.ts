/** @file Serialises a graph as an ONNX model: one generic walk, since nodes carry ONNX operations already. */
import { GraphError } from "../../core/errors.js";
import type { Shape } from "../graph/dim.js";
import { topologicalOrder } from "../graph/topology.js";
import type { Node, Value } from "../graph/value.js";
import { isPacked, weightMemory } from "../graph/weight-memory.js";
import type { EmittedModel } from "../types.js";
import { attributeProto, externalTensorProto, Message, tensorProto, valueInfoProto } from "./proto.js";

const IR_VERSION = 10;
const OPSET = 21;
const CONTRIB_OPSET = 1;

/** A graph to be emitted. Inputs that no output depends on are left out. */
export interface GraphDefinition {
  readonly name: string;
  readonly outputs: Readonly<Record<string, Value>>;
  /** The real folder that external initialisers lie in. */
  readonly externalDataFolder?: string;
}

/**
 * Serialises a graph. Names are assigned in topological order, so equal graphs give equal bytes.
 * @throws GraphError when two values would have one name
 */
export function emitModel(definition: GraphDefinition): EmittedModel {
  const order = topologicalOrder(Object.values(definition.outputs));
  const graph = new GraphWriter(definition).write(order);
  const opset = (domain: string, version: number) => new Message().text(1, domain).int(2, version);
  const model = new Message()
    .int(1, IR_VERSION)
    .text(2, "safe-to-serve")
    .message(7, graph)
    .message(8, opset("", OPSET))
    .message(8, opset("com.microsoft", CONTRIB_OPSET));
  const folder = definition.externalDataFolder;
  return {
    name: definition.name,
    bytes: model.finish(),
    packsWeights: isPacked(weightMemory(order)),
    ...(folder === undefined ? {} : { externalDataFolder: folder }),
  };
}

class GraphWriter {
  private readonly names = new Map<Value, string>();
  private readonly taken = new Set<string>();
  private constants = 0;
  private readonly proto = new Message();
  private readonly definition: GraphDefinition;

  constructor(definition: GraphDefinition) {
    this.definition = definition;
  }

  write(order: readonly Node[]): Message {
    const outputs = Object.entries(this.definition.outputs);
    this.nameOutputs(outputs, order);
    for (const node of order) this.node(node);
    this.proto.text(2, this.definition.name);
    for (const [name, value] of outputs) this.output(name, value);
    return this.proto;
  }

  /** Graph outputs keep their given names; one value under two names, or a leaf, gets an Identity. */
  private nameOutputs(outputs: readonly (readonly [string, Value])[], order: readonly Node[]): void {
    for (const [name, value] of outputs)
      if (value.origin.kind === "node" && !this.names.has(value)) this.name(value, name);
    let count = 0;
    for (const node of order)
      for (const value of node.outputs) if (!this.names.has(value)) this.name(value, `v${count++}`);
  }

  private name(value: Value, name: string): void {
    if (this.taken.has(name))
      throw new GraphError(`emit: two values of graph ${this.definition.name} are named ${name}`, {
        hint: "share one input or initialiser; names such as v0 and c0 are those of unnamed values",
      });
    this.taken.add(name);
    this.names.set(value, name);
  }

  private node({ definition, inputs, attributes, outputs }: Node): void {
    const proto = new Message();
    for (const input of inputs) proto.text(1, input ? this.nameOf(input) : "");
    for (const output of outputs) proto.text(2, this.nameOf(output));
    proto.text(4, definition.type);
    for (const [name, value] of Object.entries(attributes)) proto.message(5, attributeProto(name, value));
    this.proto.message(1, proto.text(7, definition.domain));
  }

  private output(name: string, value: Value): void {
    const own = this.nameOf(value);
    if (own !== name) this.proto.message(1, new Message().text(1, own).text(2, name).text(4, "Identity"));
    this.proto.message(12, valueInfoProto(name, value.dtype, namedShape(value.shape)));
  }

  private nameOf(value: Value): string {
    const known = this.names.get(value);
    if (known !== undefined) return known;
    const { origin } = value;
    if (origin.kind === "node") throw new GraphError("emit: a value was used before it was made");
    const name = origin.kind === "constant" ? `c${this.constants++}` : origin.name;
    this.name(value, name);
    this.leaf(name, value);
    return name;
  }

  private leaf(name: string, { origin, dtype, shape }: Value): void {
    if (origin.kind === "input") this.proto.message(11, valueInfoProto(name, dtype, namedShape(shape)));
    else if (origin.kind === "constant") {
      const { buffer, byteOffset, byteLength } = origin.data;
      this.proto.message(
        5,
        tensorProto(name, dtype, knownShape(shape), new Uint8Array(buffer, byteOffset, byteLength)),
      );
    } else if (origin.kind === "external")
      this.proto.message(5, externalTensorProto(name, dtype, knownShape(shape), origin.bytes));
  }
}

function namedShape(shape: Shape): (number | string)[] {
  return shape.map((dim) => (typeof dim === "number" ? dim : dim.key));
}

function knownShape(shape: Shape): number[] {
  return shape.map((dim) => {
    if (typeof dim !== "number")
      throw new GraphError(`emit: an initialiser has the unknown dimension ${dim.key}`);
    return dim;
  });
}
