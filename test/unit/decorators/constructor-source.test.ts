import { runInThisContext } from 'node:vm';
import { expect } from 'chai';
import type { Constructor } from '@shoal/core/internal/definition';
import { sourceParameters } from '@shoal/decorators/internal/constructor-source';

/** Evaluates the text of a class, so that the compiler cannot tidy it up. */
function parse(text: string): unknown {
  const type = runInThisContext(`(${text})`) as Constructor;
  return sourceParameters(type)?.map(({ name, hasDefault, isRest }) =>
    [name, hasDefault && 'default', isRest && 'rest'].filter((word) => word !== false).join(' '),
  );
}

describe('sourceParameters', () => {
  it('names the parameters of a constructor', () => {
    expect(parse('class A { constructor(server, rooms, $db_1) {} }')).to.deep.equal([
      'server',
      'rooms',
      '$db_1',
    ]);
  });

  it('knows defaults, rest parameters and patterns', () => {
    expect(parse('class A { constructor(a = f(1, 2), { b, c }, [d], ...rest) {} }')).to.deep.equal([
      'a default',
      '',
      '',
      'rest rest',
    ]);
  });

  it('is empty for a constructor without parameters, and undefined for none', () => {
    expect(parse('class A { constructor() {} }')).to.deep.equal([]);
    expect(parse('class A { constructor( /* none */ ) {} }')).to.deep.equal([]);
    expect(parse('class A { receive(a, b) {} }')).to.equal(undefined);
    expect(parse('class A {}')).to.equal(undefined);
  });

  it('skips comments between and before parameters', () => {
    expect(
      parse('class A { constructor(/* a, b */ server, // the rooms, all of them\n rooms) {} }'),
    ).to.deep.equal(['server', 'rooms']);
  });

  it('is not misled by what looks like a constructor', () => {
    expect(
      parse(`class A {
        // constructor(comment)
        text = 'constructor(text) {';
        template = \`constructor(\${'}'}) { \${{ a: '\`' }.a}\`;
        static expression = /constructor\\(["'{]/;
        set = [/[/"]{/, 1 / 2];
        reconstructor(no) {}
        #$constructor(no) {}
        method() { return new this.constructor(no); }
        nested() { return class { constructor(inner) {} }; }
        constructor(yes) {}
      }`),
    ).to.deep.equal(['yes']);
  });

  it('finds it after an extends clause that has braces', () => {
    expect(
      parse('class A extends (class { constructor(base) {} }) { constructor(own) { super(); } }'),
    ).to.deep.equal(['own']);
  });

  it('reads functions of the old style', () => {
    expect(parse('function A(server, rooms) {}')).to.deep.equal(['server', 'rooms']);
  });
});
