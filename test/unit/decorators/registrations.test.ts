import { expect } from 'chai';
import type { Constructor } from '@shoal/core/internal/definition';
import { OnConnect, OnReceive, OnStart } from '@shoal/decorators';
import { registrationsOf } from '@shoal/decorators/internal/registrations';

/** Applies a decorator to a method of a class that is there already. */
function decorate(decorator: MethodDecorator, type: Constructor, method: string): void {
  const prototype = type.prototype as object;
  decorator(prototype, method, Object.getOwnPropertyDescriptor(prototype, method)!);
}

function methods(type: Constructor): readonly string[] {
  return registrationsOf(type).map(({ method }) => method);
}

describe('registrationsOf', () => {
  class Base {
    @OnStart start(): void {}
    connect(): void {}
  }
  class Chat extends Base {
    @OnReceive receive(): void {}
    close(): void {}
  }
  class Room extends Chat {}

  it('gives a class without records those of its base', () => {
    expect(methods(Room)).to.deep.equal(['start', 'receive']);
  });

  it('knows what is recorded after it was asked, on the class itself and on a base', () => {
    decorate(OnConnect as MethodDecorator, Chat, 'close');
    expect(methods(Room)).to.deep.equal(['start', 'receive', 'close']);
    decorate(OnConnect as MethodDecorator, Base, 'connect');
    expect(methods(Room)).to.deep.equal(['start', 'connect', 'receive', 'close']);
    expect(methods(Chat)).to.deep.equal(['start', 'connect', 'receive', 'close']);
    expect(methods(Base)).to.deep.equal(['start', 'connect']);
  });
});
